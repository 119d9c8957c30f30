#include "builder/sandbox/notify/find_program.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/host_path.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr int kMostScripts = 5;          // a script's interpreter's interpreter
constexpr size_t kScriptLineSize = 256;  // BINPRM_BUF_SIZE
constexpr size_t kMostHeaders = 72;      // what the loader has room for
constexpr size_t kNameSize = 15;         // TASK_COMM_LEN without NUL

constexpr std::string_view kBlanks = " \t";

struct Script {
  std::string interpreter;
  std::string argument;  // empty: none
};

// The line behind "#!"; nothing where it names no interpreter.
std::optional<Script> ParseScript(std::string_view head) {
  std::string_view line = head.substr(2, head.find('\n') - 2);
  line = line.substr(0, line.find('\0'));
  const size_t begin = line.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return std::nullopt;
  line.remove_prefix(begin);
  line = line.substr(0, line.find_last_not_of(kBlanks) + 1);
  Script script;
  const size_t blank = line.find_first_of(kBlanks);
  script.interpreter = line.substr(0, blank);
  if (blank != std::string_view::npos) {
    script.argument = line.substr(line.find_first_not_of(kBlanks, blank));
  }
  return script;
}

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

class Finder {
 public:
  Finder(Emulation& emulation, const Viewer& viewer, FoundProgram& found)
      : emulation_(emulation), viewer_(viewer), found_(found) {}

  int Run(int directory, const std::string& path, int flags) {
    File file;
    std::string named = path;
    if (path.empty()) {
      named = "/dev/fd/" + std::to_string(directory);
      if (int failed =
              emulation_.paths.FindDescriptor(viewer_, directory, file.place)) {
        return failed;
      }
    } else {
      const bool stay = (flags & AT_SYMLINK_NOFOLLOW) != 0;
      if (int failed =
              Find(directory, path, stay ? Follow::kNo : Follow::kYes, file)) {
        return failed;
      }
    }
    found_.program.given_name = named;
    found_.program.short_name = BaseName(named).substr(0, kNameSize);
    std::vector<std::string> arguments = {named};
    for (int depth = 0; depth <= kMostScripts; ++depth) {
      if (int failed = Open(file)) return failed;
      if (!file.head.starts_with("#!")) {
        if (depth > 0) found_.program.script_arguments = std::move(arguments);
        return FinishElf(std::move(file));
      }
      const std::optional<Script> script = ParseScript(file.head);
      if (!script) return -ENOEXEC;
      if (!script->argument.empty()) {
        arguments.insert(arguments.begin(), script->argument);
      }
      arguments.insert(arguments.begin(), script->interpreter);
      File next;
      if (int failed =
              Find(AT_FDCWD, script->interpreter, Follow::kYes, next)) {
        return failed;
      }
      file = std::move(next);
    }
    return -ELOOP;
  }

 private:
  struct File {
    Place place;
    bool is_open = false;  // for reading; else O_PATH
    struct stat on_disk {};
    struct stat meant {};
    std::string head;  // how it begins; empty for what is `known`
    std::optional<std::string> known;  // a program; its interpreter
  };

  int Find(int directory, const std::string& path, Follow follow, File& file) {
    // FIFOs are not to be opened; nor is what only a walk can find.
    if (!emulation_.has_fifos) {
      const uint64_t flags =
          O_RDONLY | O_NONBLOCK | (follow == Follow::kNo ? O_NOFOLLOW : 0);
      const int opened = emulation_.paths.OpenFast(viewer_, directory, path,
                                                   flags, file.place);
      file.is_open = opened == 0;
      if (opened == 0) return 0;
      if (opened == -ENOENT || opened == -ENOTDIR) return opened;
    }
    return emulation_.paths.Find(viewer_, directory, path, follow, file.place);
  }

  // Opens the file if it may be executed, and reads how it begins.
  int Open(File& file) {
    UniqueFd& fd = file.place.fd;
    if (fstat(fd.get(), &file.on_disk) != 0) return -errno;
    file.meant = file.on_disk;
    emulation_.inodes.Apply(file.meant);
    if (S_ISLNK(file.meant.st_mode)) return -ELOOP;
    if (!S_ISREG(file.meant.st_mode)) return -EACCES;
    if (file.place.in_tree() && !MayAccess(*viewer_.who, file.meant, 1)) {
      return -EACCES;
    }
    if (!file.is_open) {
      if (int failed = OpenForReading(file)) return failed;
    }
    file.known = emulation_.known_programs.Find(file.on_disk);
    if (file.known) return 0;
    file.head.resize(kScriptLineSize);
    const ssize_t n = pread(fd.get(), file.head.data(), file.head.size(), 0);
    if (n < 0) return -errno;
    file.head.resize(static_cast<size_t>(n));
    return 0;
  }

  int OpenForReading(File& file) {
    UniqueFd& fd = file.place.fd;
    const HostPath path = HostPath::OwnDescriptor(fd.get());
    UniqueFd opened(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!opened && errno == EACCES && file.place.in_tree() &&
        emulation_.inodes.OpenUp(fd.get())) {
      opened.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    if (!opened) return -errno;
    fd = std::move(opened);
    return 0;
  }

  int FinishElf(File file) {
    if (!file.known) {
      std::string interpreter;
      if (int failed = ReadElf(file, interpreter)) return failed;
      emulation_.known_programs.Remember(file.on_disk, interpreter);
      file.known = std::move(interpreter);
    }
    if (int failed = FindInterpreter(*file.known)) return failed;
    const std::map<std::string, std::string> xattrs =
        emulation_.inodes.Xattrs(file.on_disk);
    struct stat meant = file.meant;
    if (!file.place.in_tree()) meant.st_mode &= ~(S_ISUID | S_ISGID);
    auto capabilities = xattrs.find("security.capability");
    found_.credentials = *viewer_.who;
    found_.program.secure = found_.credentials.Execute(
        meant, capabilities == xattrs.end() ? "" : capabilities->second);
    found_.program.executable = emulation_.paths.Inside(
        HostPath::OwnDescriptor(file.place.fd.get()).ReadLink());
    found_.executable =
        std::make_shared<const UniqueFd>(std::move(file.place.fd));
    found_.has_path = file.on_disk.st_nlink != 0 && file.place.mount != nullptr;
    return 0;
  }

  int ReadElf(const File& file, std::string& interpreter) const {
    Elf64_Ehdr header = {};
    if (file.head.size() < sizeof(header) || !file.head.starts_with(ELFMAG)) {
      return -ENOEXEC;
    }
    std::memcpy(&header, file.head.data(), sizeof(header));
    if (header.e_ident[EI_CLASS] == ELFCLASS32 &&
        (header.e_machine == EM_386 || header.e_machine == EM_X86_64)) {
      emulation_.say(found_.program.given_name +
                     ": programs of 32-bit machines cannot run without "
                     "namespaces; use a root file system for amd64 or allow "
                     "strake user namespaces");
      return -ENOEXEC;
    }
    if (header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_machine != EM_X86_64 ||
        (header.e_type != ET_EXEC && header.e_type != ET_DYN) ||
        header.e_phentsize != sizeof(Elf64_Phdr) ||
        header.e_phnum > kMostHeaders) {
      return -ENOEXEC;
    }
    return ReadInterpreter(file.place.fd.get(), header, interpreter);
  }

  static int ReadInterpreter(int file, const Elf64_Ehdr& header,
                             std::string& interpreter) {
    std::vector<Elf64_Phdr> segments(header.e_phnum);
    const size_t size = segments.size() * sizeof(Elf64_Phdr);
    if (pread(file, segments.data(), size,
              static_cast<off_t>(header.e_phoff)) !=
        static_cast<ssize_t>(size)) {
      return -ENOEXEC;
    }
    for (const Elf64_Phdr& segment : segments) {
      if (segment.p_type != PT_INTERP) continue;
      if (segment.p_filesz < 2 || segment.p_filesz > PATH_MAX) return -ENOEXEC;
      std::string path(segment.p_filesz, '\0');
      if (pread(file, path.data(), path.size(),
                static_cast<off_t>(segment.p_offset)) !=
          static_cast<ssize_t>(path.size())) {
        return -ENOEXEC;
      }
      path.resize(std::strlen(path.c_str()));
      if (path.empty()) return -ENOENT;
      interpreter = std::move(path);
      break;
    }
    return 0;
  }

  int FindInterpreter(const std::string& path) {
    if (path.empty()) return 0;
    File file;
    if (int failed = Find(AT_FDCWD, path, Follow::kYes, file)) return failed;
    if (int failed = Open(file)) return failed;
    if (!file.known && !file.head.starts_with(ELFMAG)) return -ELIBBAD;
    std::string none;
    if (!file.known && ReadElf(file, none) == 0) {
      emulation_.known_programs.Remember(file.on_disk, none);
    }
    found_.program.interpreter = path;
    found_.interpreter =
        std::make_shared<const UniqueFd>(std::move(file.place.fd));
    return 0;
  }

  Emulation& emulation_;
  const Viewer& viewer_;
  FoundProgram& found_;
};

}  // namespace

int FindProgram(Emulation& emulation, const Viewer& viewer, int directory,
                const std::string& path, int flags, FoundProgram& found) {
  return Finder(emulation, viewer, found).Run(directory, path, flags);
}

}  // namespace strake::builder::sandbox::notify
