// syscall_fuzz FIRST_SEED COUNT [STEPS]
//
// Makes COUNT random sequences of system calls over small trees, one for each
// seed, in folders of the working directory, and prints what each call
// answered and what became of the tree. Two sandboxes that do the same print
// the same. The steps of a sequence depend on its seed alone.
//
// It runs with Docker's default capabilities, whatever it was started with.

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

// O_NOFOLLOW is shown by some ways to open a file, and means nothing any more.
constexpr int kShownFlags = O_ACCMODE | O_APPEND | O_NONBLOCK | O_PATH;
constexpr uint64_t kDefaultCapabilities = 0xa80425fb;

// xorshift64*
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15ULL + 1) {}
  uint32_t Below(uint32_t limit) {
    state_ ^= state_ >> 12;
    state_ ^= state_ << 25;
    state_ ^= state_ >> 27;
    return static_cast<uint32_t>((state_ * 0x2545f4914f6cdd1dULL) >> 33) %
           limit;
  }
  template <typename T, size_t kSize>
  const T& Pick(const T (&values)[kSize]) {
    return values[Below(kSize)];
  }

 private:
  uint64_t state_;
};

constexpr const char* kNames[] = {"a", "b", "c", "d", "e", "f"};
constexpr uint32_t kIds[] = {0, 0, 1, 33, 1000, 65534, ~0U};
constexpr mode_t kModes[] = {0,     0400,  0600,  0644,  0700,  0755,
                             01770, 02755, 02775, 04755, 06711, 07777};
constexpr const char* kXattrs[] = {
    "user.x",    "user.y",         "security.capability",
    "trusted.t", "security.other", "odd"};

std::string StatText(const char* path, int flags) {
  struct stat file {};
  if (fstatat(AT_FDCWD, path, &file, flags) != 0) {
    return strerrorname_np(errno);
  }
  char text[160];
  std::snprintf(
      text, sizeof(text), "%o %u:%u links=%u size=%lld rdev=%llx", file.st_mode,
      file.st_uid, file.st_gid, static_cast<unsigned>(file.st_nlink),
      S_ISDIR(file.st_mode) ? 0LL : static_cast<long long>(file.st_size),
      static_cast<unsigned long long>(file.st_rdev));
  return text;
}

class Sequence {
 public:
  Sequence(uint64_t seed, int steps) : random_(seed), steps_(steps) {
    std::snprintf(top_, sizeof(top_), "s%llu",
                  static_cast<unsigned long long>(seed));
  }

  void Run() {
    std::printf("== %s\n", top_);
    if (mkdir(top_, 0777) != 0 || chmod(top_, 0777) != 0 || chdir(top_) != 0) {
      std::printf("cannot start: %s\n", strerrorname_np(errno));
      return;
    }
    for (int i = 0; i < steps_; ++i) Step(0);
    for (int fd : open_) close(fd);
    (void)!chdir("/");
    umask(0);
    char top[64];
    std::snprintf(top, sizeof(top), "%s/%s", getenv("PWD_AT_START"), top_);
    List(top, "");
  }

 private:
  void Print(const char* format, ...) __attribute__((format(printf, 2, 3))) {
    va_list arguments;
    va_start(arguments, format);
    std::vprintf(format, arguments);
    va_end(arguments);
  }
  void Tell(const char* call, const std::string& what, long result) {
    Print("%s %s = %s\n", call, what.c_str(),
          result < 0 ? strerrorname_np(errno) : std::to_string(result).c_str());
  }

  std::string Path() {
    std::string path;
    const uint32_t depth = 1 + random_.Below(3);
    for (uint32_t i = 0; i < depth; ++i) {
      if (i > 0) path += '/';
      switch (random_.Below(14)) {
        case 0:
          path += "..";
          break;
        case 1:
          path += ".";
          break;
        default:
          path += random_.Pick(kNames);
      }
    }
    if (random_.Below(12) == 0) path += '/';
    if (random_.Below(60) == 0) path = "";
    // Never above the sequence's own folder.
    int level = 0;
    for (size_t at = 0; at < path.size();) {
      size_t end = std::min(path.find('/', at), path.size());
      const std::string part = path.substr(at, end - at);
      if (part == "..")
        --level;
      else if (part != "." && !part.empty())
        ++level;
      if (level < 0 && level_ + level < 0) return random_.Pick(kNames);
      at = end + 1;
    }
    return path;
  }

  int PickFd() {
    if (open_.empty() || random_.Below(20) == 0) return 777;
    return open_[random_.Below(static_cast<uint32_t>(open_.size()))];
  }

  void Open() {
    constexpr int kAccess[] = {O_RDONLY, O_WRONLY, O_RDWR, O_PATH};
    int flags = random_.Pick(kAccess) | O_NONBLOCK;
    constexpr int kFlags[] = {O_CREAT,     O_CREAT,  O_EXCL,     O_TRUNC,
                              O_DIRECTORY, O_APPEND, O_NOFOLLOW, O_CLOEXEC};
    for (uint32_t i = random_.Below(4); i > 0; --i) {
      flags |= random_.Pick(kFlags);
    }
    if (random_.Below(25) == 0) flags = O_TMPFILE | O_RDWR;
    const std::string path = Path();
    const mode_t mode = random_.Pick(kModes);
    // What a device does is not the sandbox's.
    struct stat there {};
    const bool existed = stat(path.c_str(), &there) == 0;
    if (existed && S_ISCHR(there.st_mode)) return;
    char capability[64];
    const bool marked =
        existed && ((there.st_mode & 06000) != 0 ||
                    getxattr(path.c_str(), "security.capability", capability,
                             sizeof(capability)) > 0);
    const int fd = open(path.c_str(), flags, mode);
    Tell("open",
         path + " " + std::to_string(flags) + " " + std::to_string(mode),
         fd < 0 ? fd : 0);
    if (fd < 0) return;
    // Bits that a write takes are taken at the open by some: so, write.
    const bool writes = (flags & (O_ACCMODE | O_PATH)) == O_WRONLY ||
                        (flags & (O_ACCMODE | O_PATH)) == O_RDWR;
    if (writes && marked) (void)!write(fd, "x", 1);
    struct stat file {};
    if (fstat(fd, &file) == 0) {
      Print("  -> %o %u:%u flags=%x\n", file.st_mode, file.st_uid, file.st_gid,
            fcntl(fd, F_GETFL) & kShownFlags);
    }
    open_.push_back(fd);
    if (open_.size() > 8) {
      close(open_.front());
      open_.erase(open_.begin());
    }
  }

  void Ids() {
    const uint32_t a = random_.Pick(kIds);
    const uint32_t b = random_.Pick(kIds);
    const uint32_t c = random_.Pick(kIds);
    const std::string what = std::to_string(static_cast<int>(a)) + " " +
                             std::to_string(static_cast<int>(b)) + " " +
                             std::to_string(static_cast<int>(c));
    switch (random_.Below(7)) {
      case 0:
        Tell("setuid", what, syscall(SYS_setuid, a));
        break;
      case 1:
        Tell("setreuid", what, syscall(SYS_setreuid, a, b));
        break;
      case 2:
        Tell("setresuid", what, syscall(SYS_setresuid, a, b, c));
        break;
      case 3:
        Tell("setregid", what, syscall(SYS_setregid, a, b));
        break;
      case 4:
        Tell("setresgid", what, syscall(SYS_setresgid, a, b, c));
        break;
      case 5:
        Tell("setfsuid", what, syscall(SYS_setfsuid, a));
        break;
      default: {
        const gid_t groups[] = {b == ~0U ? 7 : b, c == ~0U ? 8 : c};
        Tell("setgroups", what, syscall(SYS_setgroups, 2, groups));
      }
    }
    uid_t r = 0, e = 0, s = 0;
    getresuid(&r, &e, &s);
    gid_t rg = 0, eg = 0, sg = 0;
    getresgid(&rg, &eg, &sg);
    __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    __user_cap_data_struct data[2] = {};
    syscall(SYS_capget, &header, data);
    Print("  ids %u %u %u / %u %u %u caps %x %x\n", r, e, s, rg, eg, sg,
          data[0].effective, data[0].permitted);
  }

  // A process of its own, mostly of another user, that takes some steps.
  void Fork(int depth) {
    std::fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
      if (random_.Below(3) != 0) {
        const uint32_t id = random_.Pick(kIds);
        const gid_t group = id == ~0U ? 1000 : id;
        Tell("groups", "", syscall(SYS_setgroups, 1, &group));
        Tell("gid", std::to_string(group),
             syscall(SYS_setresgid, group, group, group));
        Tell("uid", std::to_string(group),
             syscall(SYS_setresuid, group, group, group));
      } else {
        Ids();
      }
      for (uint32_t i = 3 + random_.Below(8); i > 0; --i) Step(depth + 1);
      std::fflush(stdout);
      _exit(0);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    // What the child drew, we draw too: nothing. The next steps differ from
    // its steps by this number.
    random_.Below(2);
    Print("child ended %d\n", status);
  }

  void Xattr() {
    const std::string path = Path();
    const char* name = random_.Pick(kXattrs);
    const std::string what = path + " " + name;
    char value[64] = {};
    // VFS_CAP_REVISION_2 with CAP_NET_RAW.
    const unsigned char capability[20] = {1, 0, 0, 2, 0, 0x20};
    const bool is_capability = std::string(name) == "security.capability";
    switch (random_.Below(4)) {
      case 0:
        if (is_capability) {
          Tell(
              "setxattr", what,
              lsetxattr(path.c_str(), name, capability, sizeof(capability), 0));
        } else {
          Tell("setxattr", what,
               lsetxattr(path.c_str(), name, "value", 5,
                         static_cast<int>(random_.Below(3))));
        }
        break;
      case 1:
        Tell("getxattr", what, lgetxattr(path.c_str(), name, value, 64));
        break;
      case 2:
        Tell("removexattr", what, lremovexattr(path.c_str(), name));
        break;
      default:
        Tell("listxattr", what, llistxattr(path.c_str(), value, 64));
    }
  }

  void Special() {
    const std::string path = Path();
    constexpr mode_t kTypes[] = {S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFDIR};
    const mode_t type = random_.Pick(kTypes);
    const mode_t mode = random_.Pick(kModes);
    const dev_t device = makedev(1, random_.Below(2) == 0 ? 3 : 5);
    Tell("mknod", path + " " + std::to_string(type | mode),
         mknod(path.c_str(), type | mode, device));
  }

  void Rename() {
    const std::string from = Path();
    const std::string to = Path();
    const unsigned flags = random_.Below(4) == 0 ? 1 + random_.Below(2) : 0;
    Tell("rename", from + " " + to + " " + std::to_string(flags),
         syscall(SYS_renameat2, AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(),
                 flags));
  }

  void Owner() {
    const uint32_t uid = random_.Pick(kIds);
    const uint32_t gid = random_.Pick(kIds);
    const std::string ids = std::to_string(static_cast<int>(uid)) + ":" +
                            std::to_string(static_cast<int>(gid));
    if (random_.Below(4) == 0) {
      const int fd = PickFd();
      Tell("fchown", ids, fchown(fd, uid, gid));
      return;
    }
    const std::string path = Path();
    const int flags = random_.Below(2) == 0 ? AT_SYMLINK_NOFOLLOW : 0;
    Tell("chown", path + " " + ids + " " + std::to_string(flags),
         fchownat(AT_FDCWD, path.c_str(), uid, gid, flags));
    Print("  -> %s\n", StatText(path.c_str(), flags).c_str());
  }

  void Mode() {
    const mode_t mode = random_.Pick(kModes);
    if (random_.Below(4) == 0) {
      Tell("fchmod", std::to_string(mode), fchmod(PickFd(), mode));
      return;
    }
    const std::string path = Path();
    Tell("chmod", path + " " + std::to_string(mode), chmod(path.c_str(), mode));
    Print("  -> %s\n", StatText(path.c_str(), 0).c_str());
  }

  void Times() {
    timespec times[2] = {{100, 0}, {200, 0}};
    const uint32_t kind = random_.Below(4);
    if (kind == 0) times[1].tv_nsec = UTIME_NOW;
    if (kind == 1) times[0].tv_nsec = times[1].tv_nsec = UTIME_NOW;
    const std::string path = Path();
    const int flags = random_.Below(2) == 0 ? AT_SYMLINK_NOFOLLOW : 0;
    const int result =
        utimensat(AT_FDCWD, path.c_str(), kind == 2 ? nullptr : times, flags);
    Tell("utimensat", path + " " + std::to_string(kind), result);
    struct stat file {};
    if (kind == 3 && result == 0 &&
        fstatat(AT_FDCWD, path.c_str(), &file, flags) == 0) {
      Print("  -> %lld\n", static_cast<long long>(file.st_mtime));
    }
  }

  // A write takes set-id bits and capabilities from a file. Where the file was
  // opened before it had them, only the kernel can see that.
  static bool IsPlain(int fd) {
    struct stat file {};
    char value[64];
    return fstat(fd, &file) == 0 && (file.st_mode & 06000) == 0 &&
           fgetxattr(fd, "security.capability", value, sizeof(value)) < 0;
  }

  void Descriptor() {
    const int fd = PickFd();
    switch (random_.Below(4)) {
      case 0:
        if (IsPlain(fd)) Tell("write", "", write(fd, "hello", 5));
        break;
      case 1:
        if (IsPlain(fd)) Tell("ftruncate", "", ftruncate(fd, 3));
        break;
      case 2: {
        struct stat file {};
        const int result = fstat(fd, &file);
        Tell("fstat",
             std::to_string(file.st_mode) + " " + std::to_string(file.st_uid),
             result);
        break;
      }
      default: {
        // By its name in /proc.
        const std::string name = "/proc/self/fd/" + std::to_string(fd);
        const std::string to = Path();
        const int result = linkat(AT_FDCWD, name.c_str(), AT_FDCWD, to.c_str(),
                                  AT_SYMLINK_FOLLOW);
        Tell("linkat", to, result);
      }
    }
  }

  void Step(int depth) {
    const std::string path = Path();
    const char* name = path.c_str();
    switch (random_.Below(26)) {
      case 0:
      case 1:
      case 2:
        return Open();
      case 3:
      case 4: {
        const mode_t mode = random_.Pick(kModes);
        return Tell("mkdir", path + " " + std::to_string(mode),
                    mkdir(name, mode));
      }
      case 5:
        return Tell("rmdir", path, rmdir(name));
      case 6:
        return Tell("unlink", path, unlink(name));
      case 7:
      case 8:
        return Rename();
      case 9: {
        const std::string to = Path();
        const int flags = random_.Below(3) == 0 ? AT_SYMLINK_FOLLOW : 0;
        return Tell("link", path + " " + to + " " + std::to_string(flags),
                    linkat(AT_FDCWD, name, AT_FDCWD, to.c_str(), flags));
      }
      case 10:
      case 11: {
        const std::string target = Path();
        return Tell("symlink", target + " " + path,
                    symlink(target.c_str(), name));
      }
      case 12:
        return Special();
      case 13:
      case 14:
        return Mode();
      case 15:
      case 16:
        return Owner();
      case 17:
        return Times();
      case 18: {
        const int mode = static_cast<int>(random_.Below(8));
        Tell("access", path + " " + std::to_string(mode), access(name, mode));
        return Tell("eaccess", path + " " + std::to_string(mode),
                    syscall(439, AT_FDCWD, name, mode, AT_EACCESS));
      }
      case 19:
        return Print("stat %s = %s\n", name, StatText(name, 0).c_str());
      case 20:
        return Print("lstat %s = %s\n", name,
                     StatText(name, AT_SYMLINK_NOFOLLOW).c_str());
      case 21: {
        char target[256] = {};
        const ssize_t n = readlink(name, target, sizeof(target) - 1);
        Tell("readlink", path + " " + target, n);
        return;
      }
      case 22:
        return Xattr();
      case 23:
        return depth < 2 ? Fork(depth) : Ids();
      case 24:
        return Descriptor();
      default:
        switch (random_.Below(3)) {
          case 0:
            return Tell("truncate", path, truncate(name, 7));
          case 1:
            return Tell("umask", "", umask(random_.Below(2) == 0 ? 022 : 077));
          default:
            return ChangeDirectory();
        }
    }
  }

  void ChangeDirectory() {
    const char* name = random_.Pick(kNames);
    const int result = chdir(name);
    Tell("chdir", name, result);
    char cwd[4096] = {};
    if (getcwd(cwd, sizeof(cwd)) == nullptr) {
      Print("  -> %s\n", strerrorname_np(errno));
    } else {
      const char* at = std::strstr(cwd, top_);
      Print("  -> %s\n", at == nullptr ? cwd : at);
    }
  }

  void List(const std::string& path, const std::string& shown) {
    std::printf("%s: %s\n", shown.c_str(),
                StatText(path.c_str(), AT_SYMLINK_NOFOLLOW).c_str());
    char names[512];
    const ssize_t size = llistxattr(path.c_str(), names, sizeof(names));
    std::vector<std::string> xattrs;
    for (const char* at = names; size > 0 && at < names + size;
         at += std::strlen(at) + 1) {
      xattrs.emplace_back(at);
    }
    std::sort(xattrs.begin(), xattrs.end());
    for (const std::string& name : xattrs) {
      std::printf("  %s\n", name.c_str());
    }
    DIR* directory = opendir(path.c_str());
    if (directory == nullptr) return;
    std::vector<std::string> children;
    while (const dirent* entry = readdir(directory)) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") children.push_back(name);
    }
    closedir(directory);
    std::sort(children.begin(), children.end());
    for (const std::string& child : children) {
      struct stat file {};
      const std::string below = path + "/" + child;
      if (lstat(below.c_str(), &file) == 0 && !S_ISLNK(file.st_mode)) {
        List(below, shown + "/" + child);
      } else {
        std::printf("%s/%s: %s\n", shown.c_str(), child.c_str(),
                    StatText(below.c_str(), AT_SYMLINK_NOFOLLOW).c_str());
      }
    }
  }

  Random random_;
  int steps_;
  int level_ = 0;
  char top_[32] = {};
  std::vector<int> open_;
};

void KeepDefaultCapabilities() {
  for (int i = 0; i <= CAP_LAST_CAP; ++i) {
    if ((kDefaultCapabilities >> i & 1) == 0) prctl(PR_CAPBSET_DROP, i);
  }
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  data[0].effective = data[0].permitted =
      static_cast<uint32_t>(kDefaultCapabilities);
  syscall(SYS_capset, &header, data);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const uint64_t first = std::strtoull(argv[1], nullptr, 10);
  const uint64_t count = std::strtoull(argv[2], nullptr, 10);
  const int steps = argc > 3 ? std::atoi(argv[3]) : 30;
  char here[4096] = {};
  if (getcwd(here, sizeof(here)) == nullptr) return 2;
  setenv("PWD_AT_START", here, 1);
  KeepDefaultCapabilities();
  umask(022);
  for (uint64_t seed = first; seed < first + count; ++seed) {
    std::fflush(stdout);
    // Each with ids, a umask and a working directory of its own.
    const pid_t pid = fork();
    if (pid == 0) {
      Sequence(seed, steps).Run();
      std::fflush(stdout);
      _exit(0);
    }
    waitpid(pid, nullptr, 0);
  }
  return 0;
}
