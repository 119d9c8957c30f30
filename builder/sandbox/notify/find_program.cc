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
    Place place;
    std::string named = path;
    if (path.empty()) {
      named = "/dev/fd/" + std::to_string(directory);
      if (int failed =
              emulation_.paths.FindDescriptor(viewer_, directory, place)) {
        return failed;
      }
    } else {
      const bool stay = (flags & AT_SYMLINK_NOFOLLOW) != 0;
      if (int failed =
              emulation_.paths.Find(viewer_, directory, path,
                                    stay ? Follow::kNo : Follow::kYes, place)) {
        return failed;
      }
    }
    found_.program.given_name = named;
    found_.program.short_name = BaseName(named).substr(0, kNameSize);
    std::vector<std::string> arguments = {named};
    for (int depth = 0; depth <= kMostScripts; ++depth) {
      std::string head;
      UniqueFd file;
      if (int failed = Open(place, file, head)) return failed;
      if (!head.starts_with("#!")) {
        if (depth > 0) found_.program.script_arguments = std::move(arguments);
        return FinishElf(place, std::move(file), head);
      }
      const std::optional<Script> script = ParseScript(head);
      if (!script) return -ENOEXEC;
      if (!script->argument.empty()) {
        arguments.insert(arguments.begin(), script->argument);
      }
      arguments.insert(arguments.begin(), script->interpreter);
      Place next;
      if (int failed = emulation_.paths.Find(
              viewer_, AT_FDCWD, script->interpreter, Follow::kYes, next)) {
        return failed;
      }
      place = std::move(next);
    }
    return -ELOOP;
  }

 private:
  // Opens the file if it may be executed, and reads how it begins.
  int Open(const Place& place, UniqueFd& file, std::string& head) {
    struct stat meant {};
    if (fstat(place.fd.get(), &meant) != 0) return -errno;
    emulation_.inodes.Apply(meant);
    if (S_ISLNK(meant.st_mode)) return -ELOOP;
    if (!S_ISREG(meant.st_mode)) return -EACCES;
    if (place.in_tree() && !MayAccess(*viewer_.who, meant, 1)) return -EACCES;
    const HostPath path = HostPath::OwnDescriptor(place.fd.get());
    file.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == EACCES && place.in_tree() &&
        emulation_.inodes.OpenUp(place.fd.get())) {
      file.reset(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    }
    if (!file) return -errno;
    head.resize(kScriptLineSize);
    const ssize_t n = pread(file.get(), head.data(), head.size(), 0);
    if (n < 0) return -errno;
    head.resize(static_cast<size_t>(n));
    return 0;
  }

  int FinishElf(const Place& place, UniqueFd file, std::string_view head) {
    Elf64_Ehdr header = {};
    if (head.size() < sizeof(header) || !head.starts_with(ELFMAG)) {
      return -ENOEXEC;
    }
    std::memcpy(&header, head.data(), sizeof(header));
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
    if (int failed = FindInterpreter(file.get(), header)) return failed;

    struct stat meant {};
    if (fstat(file.get(), &meant) != 0) return -errno;
    const std::map<std::string, std::string> xattrs =
        emulation_.inodes.Xattrs(meant);
    const bool removed = meant.st_nlink == 0;
    emulation_.inodes.Apply(meant);
    if (!place.in_tree()) meant.st_mode &= ~(S_ISUID | S_ISGID);
    auto capabilities = xattrs.find("security.capability");
    found_.credentials = *viewer_.who;
    found_.program.secure = found_.credentials.Execute(
        meant, capabilities == xattrs.end() ? "" : capabilities->second);
    found_.program.executable =
        emulation_.paths.Inside(HostPath::OwnDescriptor(file.get()).ReadLink());
    if (removed || place.mount == nullptr) {
      found_.program.file = std::make_shared<const UniqueFd>(std::move(file));
    }
    return 0;
  }

  int FindInterpreter(int file, const Elf64_Ehdr& header) {
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
      Place place;
      if (int failed = emulation_.paths.Find(viewer_, AT_FDCWD, path,
                                             Follow::kYes, place)) {
        return failed;
      }
      UniqueFd interpreter;
      std::string head;
      if (int failed = Open(place, interpreter, head)) return failed;
      if (!head.starts_with(ELFMAG)) return -ELIBBAD;
      found_.program.interpreter = path;
      break;
    }
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
