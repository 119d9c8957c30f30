#include "builder/sandbox/foreign_program.h"

#include <elf.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "builder/sandbox/child_plan.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

constexpr Machine kMachines[] = {
    {"amd64", "x86_64", EM_X86_64, true, false},
    {"386", "i386", EM_386, false, false},
    {"arm64", "aarch64", EM_AARCH64, true, false},
    {"arm", "arm", EM_ARM, false, false},
    {"riscv64", "riscv64", EM_RISCV, true, false},
    {"ppc64le", "ppc64le", EM_PPC64, true, false},
    {"s390x", "s390x", EM_S390, true, true},
    {"mips64le", "mips64el", EM_MIPS, true, false},
    {"mipsle", "mipsel", EM_MIPS, false, false},
    {"loong64", "loongarch64", EM_LOONGARCH, true, false},
};

// As many scripts one after the other as the kernel follows.
constexpr int kMaxInterpreters = 4;

using Head = std::array<char, 256>;

const Machine* MachineOf(const Head& head) {
  std::string_view text(head.data(), head.size());
  if (!text.starts_with(ELFMAG)) return nullptr;
  for (const Machine& machine : kMachines) {
    std::array<uint8_t, 64> header = ElfHeader(machine);
    bool same = head[EI_CLASS] == static_cast<char>(header[EI_CLASS]) &&
                head[EI_DATA] == static_cast<char>(header[EI_DATA]) &&
                std::memcmp(head.data() + 18, header.data() + 18, 2) == 0;
    if (same) return &machine;
  }
  return nullptr;
}

std::optional<Head> ReadHead(int root, const std::string& path) {
  auto file = OpenInRoot(root, path, O_RDONLY | O_NONBLOCK);
  if (!file) return {};
  Head head{};
  if (pread(file->get(), head.data(), head.size(), 0) <= 0) return {};
  return head;
}

// The path after "#!"; empty where there is none.
std::string InterpreterOf(const Head& head) {
  std::string_view text(head.data(), head.size());
  if (!text.starts_with("#!")) return "";
  std::string_view line = text.substr(2, text.find_first_of("\n\0") - 2);
  line = Trim(line);
  return std::string(line.substr(0, line.find_first_of(" \t")));
}

std::optional<ForeignProgram> Follow(int root, std::string path) {
  for (int i = 0; i <= kMaxInterpreters; ++i) {
    std::optional<Head> head = ReadHead(root, path);
    if (!head) return {};
    if (std::string next = InterpreterOf(*head); !next.empty()) {
      path = std::move(next);
      continue;
    }
    const Machine* machine = MachineOf(*head);
    if (machine == nullptr || IsNative(*machine)) return {};
    return ForeignProgram{std::move(path), machine};
  }
  return {};
}

bool IsExecutable(int root, const std::string& path) {
  auto found = StatInRoot(root, path, FollowLast::kYes);
  return found && *found && S_ISREG((*found)->st_mode) &&
         ((*found)->st_mode & 0111) != 0;
}

}  // namespace

std::span<const Machine> Machines() { return kMachines; }

std::array<uint8_t, 64> ElfHeader(const Machine& machine) {
  std::array<uint8_t, 64> header{};
  std::memcpy(header.data(), ELFMAG, SELFMAG);
  header[EI_CLASS] = machine.is_64_bit ? ELFCLASS64 : ELFCLASS32;
  header[EI_DATA] = machine.is_big_endian ? ELFDATA2MSB : ELFDATA2LSB;
  header[EI_VERSION] = EV_CURRENT;
  auto put = [&](size_t at, uint16_t value) {
    header[at + (machine.is_big_endian ? 1 : 0)] =
        static_cast<uint8_t>(value & 0xff);
    header[at + (machine.is_big_endian ? 0 : 1)] =
        static_cast<uint8_t>(value >> 8);
  };
  put(16, ET_EXEC);
  put(18, machine.number);
  return header;
}

const Machine* OwnMachine() {
#if defined(__x86_64__)
  constexpr uint16_t kNumber = EM_X86_64;
#elif defined(__aarch64__)
  constexpr uint16_t kNumber = EM_AARCH64;
#elif defined(__riscv)
  constexpr uint16_t kNumber = EM_RISCV;
#elif defined(__powerpc64__)
  constexpr uint16_t kNumber = EM_PPC64;
#elif defined(__s390x__)
  constexpr uint16_t kNumber = EM_S390;
#else
  constexpr uint16_t kNumber = EM_NONE;
#endif
  constexpr bool kBigEndian = std::endian::native == std::endian::big;
  auto it = std::ranges::find_if(kMachines, [](const Machine& machine) {
    return machine.number == kNumber && machine.is_big_endian == kBigEndian;
  });
  return it == std::end(kMachines) ? nullptr : it;
}

bool IsNative(const Machine& machine) {
  const Machine* own = OwnMachine();
  if (own == nullptr || own == &machine) return true;
  // Its kernels run both.
  return own->number == EM_X86_64 && machine.number == EM_386;
}

std::optional<ForeignProgram> FindForeignProgram(const ProcessSpec& spec) {
  UniqueFd opened;
  int root = spec.root.mount_fd;
  if (root < 0) {
    auto directory = OpenFile(spec.root.path.c_str(), O_PATH | O_DIRECTORY);
    if (!directory) return {};
    opened = *std::move(directory);
    root = opened.get();
  }
  for (std::string path : ProgramCandidates(spec.argv.front(), spec.env)) {
    if (!path.starts_with('/')) path = spec.cwd + "/" + path;
    if (IsExecutable(root, path)) return Follow(root, std::move(path));
  }
  return {};
}

Error NotRunnable(const ForeignProgram& program, const std::string& because) {
  return Unsupported(
      program.path + " is a program for " +
      std::string(program.machine->architecture) +
      ", which this machine runs through qemu-user only: " + because);
}

Status RefuseForeignProgram(const ProcessSpec& spec) {
  std::optional<ForeignProgram> program = FindForeignProgram(spec);
  if (!program) return {};
  return NotRunnable(*program,
                     "this isolation runs programs for the machine itself "
                     "only; choose another (see strake doctor)");
}

}  // namespace strake::builder::sandbox
