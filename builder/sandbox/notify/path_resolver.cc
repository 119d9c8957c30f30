#include "builder/sandbox/notify/path_resolver.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/path_walk.h"
#include "util/strings.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr int kUseWalk = 1;

// A negative errno or a descriptor.
int OpenAt2(int directory, const char* path, uint64_t flags, uint64_t resolve) {
  open_how how = {};
  how.flags = flags | O_CLOEXEC;
  if ((flags & O_PATH) == 0) how.flags |= O_NOCTTY;
  how.resolve = resolve;
  const long fd = syscall(SYS_openat2, directory, path, &how, sizeof(how));
  return fd < 0 ? -errno : static_cast<int>(fd);
}

// The walk knows more about these than the kernel, who sees no mounts.
// ENOSYS, EPERM: openat2(2) itself is refused (an older kernel or profile).
bool NeedsWalk(int error) {
  return error == -EACCES || error == -EXDEV || error == -ELOOP ||
         error == -EAGAIN || error == -ENOSYS || error == -EPERM;
}

// The last component begins here; slashes behind it belong to it.
size_t LastComponent(std::string_view path) {
  const size_t end = path.find_last_not_of('/');
  if (end == std::string_view::npos) return 0;
  const size_t slash = path.rfind('/', end);
  return slash == std::string_view::npos ? 0 : slash + 1;
}

// A name that needs no more than to be looked up.
bool IsPlainName(std::string_view name) {
  return !name.empty() && name.size() <= NAME_MAX && name != "." &&
         name != ".." && name.find('/') == std::string_view::npos;
}

// The number in "/proc/self/fd/N", which C libraries use where the kernel has
// no call for a descriptor; -1 for any other path.
int OwnDescriptor(std::string_view path) {
  constexpr std::string_view kDescriptors = "/proc/self/fd/";
  if (!path.starts_with(kDescriptors)) return -1;
  const auto number = ParseUint(path.substr(kDescriptors.size()));
  return number && *number <= INT_MAX ? static_cast<int>(*number) : -1;
}

std::vector<std::string> Components(std::string_view path) {
  std::vector<std::string> names;
  for (std::string_view name : Split(path, '/')) {
    if (!name.empty() && name != ".") names.emplace_back(name);
  }
  return names;
}

PathWalk::Last LastFor(Follow follow) {
  return follow == Follow::kYes ? PathWalk::Last::kFollow
                                : PathWalk::Last::kNoFollow;
}

}  // namespace

bool ParentPlace::IsSpecial() const {
  std::string_view last = name;
  while (last.size() > 1 && last.ends_with('/')) last.remove_suffix(1);
  return last == "." || last == ".." || last == "/";
}

bool HasDotDot(std::string_view path) {
  size_t at = 0;
  while ((at = path.find("..", at)) != std::string_view::npos) {
    const bool starts = at == 0 || path[at - 1] == '/';
    const bool ends = at + 2 == path.size() || path[at + 2] == '/';
    if (starts && ends) return true;
    at += 2;
  }
  return false;
}

namespace {

// The last number in a line of /proc/PID/status; 0 where there is none.
pid_t LastNumber(const char* status, const char* line) {
  const char* at = std::strstr(status, line);
  if (at == nullptr) return 0;
  at += std::strlen(line);
  long last = 0;
  while (*at == ' ' || *at == '\t') {
    char* end = nullptr;
    last = std::strtol(at, &end, 10);
    if (end == at) break;
    at = end;
  }
  return static_cast<pid_t>(last);
}

// As much of /proc/PID/status as holds the numbers.
class ThreadStatus {
 public:
  explicit ThreadStatus(pid_t thread) {
    char path[40];
    std::snprintf(path, sizeof(path), "/proc/%d/status", thread);
    const UniqueFd status(open(path, O_RDONLY | O_CLOEXEC));
    const ssize_t n = read(status.get(), text_, sizeof(text_) - 1);
    text_[n > 0 ? n : 0] = '\0';
  }
  const char* text() const { return text_; }

 private:
  char text_[2048];
};

}  // namespace

pid_t ProcessOfThread(pid_t thread) {
  const pid_t process = LastNumber(ThreadStatus(thread).text(), "\nTgid:");
  return process != 0 ? process : thread;
}

OwnNumbers NumbersInside(pid_t thread) {
  const ThreadStatus status(thread);
  return {.process = LastNumber(status.text(), "\nNStgid:"),
          .thread = LastNumber(status.text(), "\nNSpid:")};
}

std::string SelfInProc(const VirtualMount& proc, pid_t thread) {
  return std::to_string(proc.has_own_numbers ? NumbersInside(thread).process
                                             : ProcessOfThread(thread));
}

std::string ThreadSelfInProc(const VirtualMount& proc, pid_t thread) {
  const pid_t own =
      proc.has_own_numbers ? NumbersInside(thread).thread : thread;
  return SelfInProc(proc, thread) + "/task/" + std::to_string(own);
}

PathResolver::PathResolver(const MountTable& mounts, VirtualInodes& inodes,
                           ProgramOf program_of)
    : mounts_(mounts), inodes_(inodes), program_of_(std::move(program_of)) {}

int PathResolver::OpenFast(const Viewer& viewer, int directory,
                           const std::string& path, uint64_t flags,
                           Place& place) const {
  if (!viewer.who->Has(Capability::kDacOverride)) return kUseWalk;
  std::string absolute;
  std::string_view wanted = path;
  if (path[0] != '/') {
    const std::string base = mounts_.VirtualPath(
        HostPath::Descriptor(viewer.thread, directory).ReadLink());
    // "(deleted)" may be part of a name; the walk needs no names.
    if (base.empty() || base.ends_with(" (deleted)")) return kUseWalk;
    absolute = base == "/" ? base + path : base + "/" + path;
    wanted = absolute;
  }
  std::string_view below;
  const VirtualMount& mount = mounts_.Match(wanted, below);
  if (mount.kind == VirtualMount::Kind::kProc) return kUseWalk;
  if (mount.read_only &&
      ((flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0)) {
    return kUseWalk;
  }
  const bool is_root = mount.point == "/";
  if (!is_root && HasDotDot(below)) return kUseWalk;
  if (mount.holds_uncovered && mounts_.HasMountName(below)) return kUseWalk;

  int fd = -1;
  if (below.empty()) {
    if (wanted.ends_with('/') && !mount.is_directory) return -ENOTDIR;
    fd = (flags & O_PATH) != 0
             ? fcntl(mount.fd.get(), F_DUPFD_CLOEXEC, 3)
             : open(HostPath::OwnDescriptor(mount.fd.get()).c_str(),
                    static_cast<int>(flags & ~uint64_t{O_NOFOLLOW}) |
                        O_CLOEXEC | O_NOCTTY);
    if (fd < 0) return -errno;
  } else {
    const std::string relative(below);
    uint64_t resolve = is_root ? RESOLVE_IN_ROOT : RESOLVE_BENEATH;
    if (mounts_.in_kernel()) resolve |= RESOLVE_NO_XDEV;
    if (mount.holds_uncovered) resolve |= RESOLVE_NO_SYMLINKS;
    fd = OpenAt2(mount.fd.get(), relative.c_str(), flags, resolve);
    if (NeedsWalk(fd)) return kUseWalk;
    if (fd < 0) return fd;
  }
  place.fd.reset(fd);
  place.mount = &mount;
  if ((flags & O_PATH) != 0 && !below.empty()) {
    struct stat file {};
    if (fstat(fd, &file) != 0) return -errno;
    if (mounts_.Covering(KeyOf(file)) != nullptr) return kUseWalk;
  }
  return 0;
}

int PathResolver::Find(const Viewer& viewer, int directory,
                       const std::string& path, Follow follow,
                       Place& place) const {
  std::string_view below;
  if (const int descriptor = OwnDescriptor(path);
      descriptor >= 0 && follow == Follow::kYes &&
      mounts_.Match(path, below).kind == VirtualMount::Kind::kProc) {
    const int found = FindDescriptor(viewer, descriptor, place);
    return found == -EBADF ? -ENOENT : found;
  }
  const uint64_t flags = O_PATH | (follow == Follow::kNo ? O_NOFOLLOW : 0);
  const int fast = OpenFast(viewer, directory, path, flags, place);
  if (fast != kUseWalk) return fast;
  PathWalk walk(*this, viewer);
  const int walked = walk.Run(directory, path, LastFor(follow));
  if (walked < 0) return walked;
  place = walk.TakeObject();
  return place.fd ? 0 : -ENOENT;
}

int PathResolver::Shorten(const Viewer& viewer, int directory,
                          const std::string& path, ByDescriptor descriptor,
                          Shortcut& shortcut) const {
  if (!viewer.who->Has(Capability::kDacOverride)) return kUseWalk;
  const size_t slash = path.rfind('/');
  const size_t last = slash == std::string::npos ? 0 : slash + 1;
  const std::string_view name = std::string_view(path).substr(last);
  if (!IsPlainName(name) || mounts_.IsMountName(name)) return kUseWalk;
  shortcut.name = path.c_str() + last;
  if (last == 0 && descriptor == ByDescriptor::kYes) {
    std::snprintf(shortcut.text_, sizeof(shortcut.text_), "%s/%s",
                  HostPath::Descriptor(viewer.thread, directory).c_str(),
                  shortcut.name);
    shortcut.name = shortcut.text_;
    shortcut.by_descriptor = true;
    return 0;
  }
  if (!directories_.is_on()) return kUseWalk;
  DirectoryCache::Handle known;
  const std::string_view above = std::string_view(path).substr(0, last);
  int failed = 0;
  if (path[0] == '/') {
    failed = KnowDirectory(viewer, above, known);
  } else {
    const std::string base = mounts_.VirtualPath(
        HostPath::Descriptor(viewer.thread, directory).ReadLink());
    if (base.empty() || base.ends_with(" (deleted)")) return kUseWalk;
    failed = KnowDirectory(viewer, base + "/" + std::string(above), known);
  }
  if (failed != 0) return failed;
  shortcut.directory = known->fd.get();
  shortcut.parent = DirectoryRef(std::move(known));
  return 0;
}

int PathResolver::KnowDirectory(const Viewer& viewer, std::string_view path,
                                DirectoryCache::Handle& known) const {
  known = directories_.Find(path);
  if (known != nullptr) return 0;
  const uint64_t generation = directories_.generation();
  std::string_view below;
  if (&mounts_.Match(path, below) != &mounts_.root() || HasDotDot(path)) {
    return kUseWalk;
  }
  auto found = std::make_shared<KnownDirectory>();
  const std::string relative = below.empty() ? "." : std::string(below);
  int fd = OpenAt2(mounts_.root().fd.get(), relative.c_str(),
                   O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  if (fd >= 0) {
    found->fd.reset(fd);
    found->names = Components(path);
    found->is_direct = true;
  } else if (fd == -ELOOP) {
    PathWalk walk(*this, viewer);
    walk.CollectNames(&found->names);
    if (walk.Run(AT_FDCWD, std::string(path), PathWalk::Last::kFollow) < 0) {
      return kUseWalk;
    }
    Place place = walk.TakeObject();
    if (!place.fd || place.mount != &mounts_.root()) return kUseWalk;
    found->fd = std::move(place.fd);
  } else {
    return NeedsWalk(fd) ? kUseWalk : fd;
  }
  struct stat file {};
  if (fstat(found->fd.get(), &file) != 0 || !S_ISDIR(file.st_mode) ||
      mounts_.Covering(KeyOf(file)) != nullptr) {
    return kUseWalk;
  }
  const std::string host = HostPath::OwnDescriptor(found->fd.get()).ReadLink();
  const std::string& root = mounts_.root().host_path;
  if (mounts_.MountOfHostPath(host) != &mounts_.root() ||
      host.ends_with(" (deleted)")) {
    return kUseWalk;
  }
  const size_t prefix = root == "/" ? 1 : root.size() + 1;
  found->path = host.substr(std::min(host.size(), prefix));
  found->key = KeyOf(file);
  known = std::move(found);
  directories_.Insert(std::string(path), known, generation);
  return 0;
}

int PathResolver::FindParent(const Viewer& viewer, int directory,
                             const std::string& path,
                             ParentPlace& place) const {
  if (path.empty()) return -ENOENT;
  Shortcut shortcut;
  const int shortened =
      Shorten(viewer, directory, path, ByDescriptor::kNo, shortcut);
  if (shortened < 0) return shortened;
  if (shortened == 0) {
    place.directory = std::move(shortcut.parent);
    place.mount = &mounts_.root();
    place.name = shortcut.name;
    return 0;
  }
  const size_t last = LastComponent(path);
  if (last != 0 || path[0] != '/') {
    const std::string above = last == 0 ? "." : path.substr(0, last);
    Place found;
    const int fast =
        OpenFast(viewer, directory, above, O_PATH | O_DIRECTORY, found);
    if (fast < 0) return fast;
    if (fast == 0) {
      place.directory = DirectoryRef(std::move(found.fd));
      place.mount = found.mount;
      place.name = path.substr(last);
      return 0;
    }
  }
  PathWalk walk(*this, viewer);
  const int walked = walk.Run(directory, path, PathWalk::Last::kParent);
  if (walked < 0) return walked;
  place = walk.TakeParent();
  return 0;
}

int PathResolver::FindForCreation(const Viewer& viewer, int directory,
                                  const std::string& path, Follow follow,
                                  ParentPlace& place, Place& existing) const {
  PathWalk walk(*this, viewer);
  const int walked = walk.Run(directory, path, LastFor(follow));
  if (walked < 0) return walked;
  place = walk.TakeParent();
  existing = walk.TakeObject();
  return 0;
}

int PathResolver::FindDescriptor(const Viewer& viewer, int descriptor,
                                 Place& place) const {
  PathWalk walk(*this, viewer);
  const int entered = walk.EnterDescriptor(descriptor);
  if (entered < 0) return entered;
  place = walk.TakeObject();
  return 0;
}

std::string PathResolver::Inside(const std::string& path) const {
  const std::string inside = mounts_.VirtualPath(path);
  return inside.empty() ? path : inside;
}

int PathResolver::ReadProcLink(const Viewer& viewer, const Place& place,
                               std::string& target) const {
  pid_t process = 0;
  switch (KindOfProcLink(place.proc_path, process)) {
    case ProcLink::kSelf:
      target = SelfInProc(*place.mount, viewer.thread);
      return 0;
    case ProcLink::kThreadSelf:
      target = ThreadSelfInProc(*place.mount, viewer.thread);
      return 0;
    case ProcLink::kRoot:
      target = "/";
      return 0;
    case ProcLink::kProgram:
      target = program_of_(process);
      if (!target.empty()) return 0;
      break;
    case ProcLink::kOther:
    case ProcLink::kNone:
      break;
  }
  char text[PATH_MAX];
  const ssize_t n = readlinkat(place.fd.get(), "", text, sizeof(text));
  // Not a link at all: readlinkat(2) says ENOENT where the path is empty.
  if (n < 0) return errno == ENOENT ? -EINVAL : -errno;
  target = Inside(std::string(text, static_cast<size_t>(n)));
  return 0;
}

}  // namespace strake::builder::sandbox::notify
