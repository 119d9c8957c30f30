#include "builder/sandbox/notify/path_walk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/host_path.h"
#include "util/strings.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr int kMostLinks = 40;  // as the kernel's MAXSYMLINKS

}  // namespace

ProcLink KindOfProcLink(std::string_view path, pid_t& process) {
  if (path == "self") return ProcLink::kSelf;
  if (path == "thread-self") return ProcLink::kThreadSelf;
  const std::vector<std::string_view> parts = Split(path, '/');
  const auto number = ParseUint(parts[0]);
  if (!number) return ProcLink::kNone;
  process = static_cast<pid_t>(*number);
  size_t at = 1;
  if (parts.size() > 3 && parts[1] == "task") at = 3;
  if (parts.size() == at + 1) {
    if (parts[at] == "root") return ProcLink::kRoot;
    if (parts[at] == "exe") return ProcLink::kProgram;
    if (parts[at] == "cwd") return ProcLink::kOther;
  }
  if (parts.size() == at + 2 &&
      (parts[at] == "fd" || parts[at] == "ns" || parts[at] == "map_files")) {
    return ProcLink::kOther;
  }
  return ProcLink::kNone;
}

bool PathWalk::MaySearch() const {
  if (mount_ == nullptr || mount_->kind != VirtualMount::Kind::kTree) {
    return true;
  }
  if (viewer_.who->Has(Capability::kDacOverride)) return true;
  struct stat meant = file_;
  resolver_.inodes().Apply(meant);
  return MayAccess(*viewer_.who, meant, 1);
}

int PathWalk::EnterRoot() {
  const VirtualMount& root = resolver_.mounts().root();
  const int fd = openat(root.fd.get(), ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return -errno;
  current_.reset(fd);
  mount_ = &root;
  proc_path_.clear();
  return fstat(fd, &file_) == 0 ? 0 : -errno;
}

int PathWalk::EnterHostLink(int directory, const char* path) {
  const int fd = openat(directory, path, O_PATH | O_CLOEXEC);
  if (fd < 0) return -errno;
  current_.reset(fd);
  if (fstat(fd, &file_) != 0) return -errno;
  const std::string host = HostPath::OwnDescriptor(fd).ReadLink();
  mount_ = resolver_.mounts().MountOfHostPath(host);
  proc_path_.clear();
  if (mount_ != nullptr && mount_->kind == VirtualMount::Kind::kProc &&
      host.size() > mount_->host_path.size()) {
    proc_path_ = host.substr(mount_->host_path.size() + 1);
  }
  return 0;
}

int PathWalk::EnterDescriptor(int descriptor) {
  const int entered = EnterHostLink(
      AT_FDCWD, HostPath::Descriptor(viewer_.thread, descriptor).c_str());
  return entered == -ENOENT ? -EBADF : entered;
}

int PathWalk::GoUp() {
  const VirtualMount* mount = mount_;
  const bool at_top = mount != nullptr && KeyOf(file_) == mount->top;
  if (at_top && mount->point == "/") {
    name_ = "..";
    parent_ = std::move(current_);
    parent_mount_ = mount_;
    return EnterRoot();
  }
  UniqueFd from = std::move(current_);
  if (at_top) {
    const Viewer anybody{.thread = viewer_.thread,
                         .who = &Credentials::Almighty()};
    PathWalk above(resolver_, anybody);
    const std::string directory =
        "/" + mount->point.substr(1, mount->point.rfind('/'));
    if (int failed = above.Run(AT_FDCWD, directory, Last::kFollow)) {
      return failed;
    }
    Place place = above.TakeObject();
    if (!place.fd) return -ENOENT;
    current_ = std::move(place.fd);
    mount_ = place.mount;
    proc_path_ = std::move(place.proc_path);
  } else {
    const int fd = openat(from.get(), "..", O_PATH | O_CLOEXEC);
    if (fd < 0) return -errno;
    current_.reset(fd);
    const size_t slash = proc_path_.rfind('/');
    proc_path_.resize(slash == std::string::npos ? 0 : slash);
  }
  parent_ = std::move(from);
  parent_mount_ = mount;
  name_ = "..";
  return fstat(current_.get(), &file_) == 0 ? 0 : -errno;
}

int PathWalk::Lookup(std::string_view component, UniqueFd& found,
                     struct stat& file) {
  const std::string name(component);
  constexpr int kFlags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  int fd = openat(current_.get(), name.c_str(), kFlags);
  if (fd < 0 && errno == EACCES && mount_ != nullptr &&
      mount_->kind == VirtualMount::Kind::kTree &&
      resolver_.mounts().Covering(KeyOf(file_)) == nullptr &&
      resolver_.inodes().OpenUp(current_.get())) {
    fd = openat(current_.get(), name.c_str(), kFlags);
  }
  if (fd < 0) return -errno;
  found.reset(fd);
  return fstat(fd, &file) == 0 ? 0 : -errno;
}

void PathWalk::Descend(UniqueFd fd, const struct stat& file,
                       const VirtualMount* mount, std::string_view component) {
  parent_ = std::move(current_);
  parent_mount_ = mount_;
  current_ = std::move(fd);
  file_ = file;
  if (mount != mount_) {
    proc_path_.clear();
  } else if (mount != nullptr && mount->kind == VirtualMount::Kind::kProc) {
    if (!proc_path_.empty()) proc_path_ += '/';
    proc_path_ += component;
  }
  mount_ = mount;
}

// `todo_` becomes what the link says, followed by what was left.
int PathWalk::FollowLink(const UniqueFd& link, std::string_view component) {
  if (++links_ > kMostLinks) return -ELOOP;
  if (mount_ != nullptr && mount_->kind == VirtualMount::Kind::kProc) {
    const int followed = FollowProcLink(component);
    if (followed <= 0) return followed;
  }
  char target[PATH_MAX];
  const ssize_t n = readlinkat(link.get(), "", target, sizeof(target));
  if (n < 0) return -errno;
  if (n == 0) return -ENOENT;
  std::string next(target, static_cast<size_t>(n));
  const bool absolute = next[0] == '/';
  next += todo_;
  todo_ = std::move(next);
  return absolute ? EnterRoot() : 0;
}

// The kernel would not let a process of the run follow the links of strake's
// own, which its namespaces are to keep it from; us, it lets.
bool PathWalk::IsOneOfTheirs(pid_t process) const {
  constexpr pid_t kInit = 1;
  if (mount_->has_own_numbers) return process != kInit;
  return process == viewer_.thread ||
         process == ProcessOfThread(viewer_.thread);
}

// 1: it is an ordinary link.
int PathWalk::FollowProcLink(std::string_view component) {
  std::string path = proc_path_;
  if (!path.empty()) path += '/';
  path += component;
  pid_t process = 0;
  switch (KindOfProcLink(path, process)) {
    case ProcLink::kNone:
      return 1;
    case ProcLink::kSelf:
      todo_ = SelfInProc(*mount_, viewer_.thread) + todo_;
      return 0;
    case ProcLink::kThreadSelf:
      todo_ = ThreadSelfInProc(*mount_, viewer_.thread) + todo_;
      return 0;
    case ProcLink::kRoot:
      return EnterRoot();
    case ProcLink::kProgram: {
      if (resolver_.mounts().in_kernel()) break;
      const std::string program = resolver_.program_of()(process);
      if (!program.starts_with('/')) break;
      todo_ = program + todo_;
      return EnterRoot();
    }
    case ProcLink::kOther:
      break;
  }
  if (resolver_.mounts().in_kernel() && !IsOneOfTheirs(process)) {
    return -EACCES;
  }
  return EnterHostLink(mount_->fd.get(), path.c_str());
}

int PathWalk::Step(std::string_view component, bool is_last, Last last) {
  if (!S_ISDIR(file_.st_mode)) return -ENOTDIR;
  if (!MaySearch()) return -EACCES;
  if (names_ != nullptr) names_->emplace_back(component);
  const bool slash = !todo_.empty() && is_last;
  name_ = std::string(component) + (slash ? "/" : "");
  if (is_last && last == Last::kParent) {
    parent_ = std::move(current_);
    parent_mount_ = mount_;
    return 0;
  }
  if (component == ".") {
    UniqueFd same(fcntl(current_.get(), F_DUPFD_CLOEXEC, 3));
    parent_ = std::move(same);
    parent_mount_ = mount_;
    return 0;
  }
  if (component == "..") return GoUp();

  UniqueFd found;
  struct stat file {};
  const int looked = Lookup(component, found, file);
  if (looked == -ENOENT && is_last) {
    parent_ = std::move(current_);
    parent_mount_ = mount_;
    return 0;
  }
  if (looked < 0) return looked;
  if (S_ISLNK(file.st_mode) && (!is_last || slash || last == Last::kFollow)) {
    return FollowLink(found, component);
  }
  const VirtualMount* mount = mount_;
  if (const VirtualMount* covering = resolver_.mounts().Covering(KeyOf(file))) {
    const int fd = fcntl(covering->fd.get(), F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return -errno;
    found.reset(fd);
    if (fstat(fd, &file) != 0) return -errno;
    mount = covering;
  }
  Descend(std::move(found), file, mount, component);
  return 0;
}

int PathWalk::Run(int directory, const std::string& path, Last last) {
  if (path.empty()) return -ENOENT;
  if (path[0] == '/') {
    if (int failed = EnterRoot()) return failed;
    name_ = "/";
    if (path.find_first_not_of('/') == std::string::npos) {
      parent_.reset(fcntl(current_.get(), F_DUPFD_CLOEXEC, 3));
      parent_mount_ = mount_;
    }
  } else if (int failed = EnterDescriptor(directory)) {
    return failed;
  }
  todo_ = path;
  bool must_be_directory = false;
  while (true) {
    const size_t begin = todo_.find_first_not_of('/');
    if (begin == std::string::npos) break;
    size_t end = todo_.find('/', begin);
    if (end == std::string::npos) end = todo_.size();
    const std::string component = todo_.substr(begin, end - begin);
    if (component.size() > NAME_MAX) return -ENAMETOOLONG;
    const bool is_last = todo_.find_first_not_of('/', end) == std::string::npos;
    todo_.erase(0, end);
    must_be_directory = is_last && !todo_.empty();
    if (!current_) return -ENOENT;
    if (int failed = Step(component, is_last, last)) return failed;
  }
  if (must_be_directory && current_ && !S_ISDIR(file_.st_mode)) {
    return -ENOTDIR;
  }
  return 0;
}

Place PathWalk::TakeObject() {
  return {.fd = std::move(current_),
          .mount = mount_,
          .proc_path = std::move(proc_path_)};
}

ParentPlace PathWalk::TakeParent() {
  return {.directory = DirectoryRef(std::move(parent_)),
          .mount = parent_mount_,
          .name = std::move(name_)};
}

}  // namespace strake::builder::sandbox::notify
