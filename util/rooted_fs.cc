// Two resolvers behind one interface. openat2(2) does in one call what the walk
// does in one call per component. The walk never asks the kernel for "..": it
// keeps the directories it came through and goes back to those, so that no
// symlink and no rename under way can lead it above the root.

#include "util/rooted_fs.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <utility>

#include "util/directory.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake {
namespace {

constexpr int kMaxSymlinks = 40;  // the kernel's own limit
constexpr int kOpenDirectory = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

std::atomic<bool> fallback_forced{false};

int OpenAt2(int root, const char* path, int flags, unsigned mode) {
  struct open_how how = {};
  how.flags = static_cast<unsigned>(flags | O_CLOEXEC);
  // openat2 refuses a mode that could have no effect.
  if ((flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE) {
    how.mode = mode & 07777;
  }
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  int fd;
  do {
    fd = static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof how));
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// A seccomp filter may answer EPERM as well as ENOSYS, so ask with a call that
// nothing else would refuse.
bool HaveOpenAt2() {
  static const bool have = [] {
    UniqueFd fd(OpenAt2(AT_FDCWD, "/", O_PATH | O_DIRECTORY, 0));
    return static_cast<bool>(fd);
  }();
  return have && !fallback_forced.load(std::memory_order_relaxed);
}

// readlinkat(2) of any length; false with errno on failure.
bool ReadLinkRaw(int dir, const char* name, std::string& target) {
  target.resize(256);
  while (true) {
    ssize_t length = ::readlinkat(dir, name, target.data(), target.size());
    if (length < 0) return false;
    if (static_cast<size_t>(length) < target.size()) {
      target.resize(static_cast<size_t>(length));
      return true;
    }
    target.resize(target.size() * 2);
  }
}

// A path resolved component by component. After `Run` the result is `name()`
// in `directory()`, or that directory itself where `name()` is ".".
class Walk {
 public:
  enum class Last { kFollow, kKeep };
  // kKeep: a component that is missing, or is no directory, is kept in the
  // resolved path as it is.
  enum class Missing { kFail, kKeep };

  Walk(int root, std::string_view path, Last last, Missing missing)
      : root_(root), last_(last), missing_(missing) {
    PushPending(path);
  }

  // 0 or an errno.
  int Run() {
    while (!pending_.empty()) {
      std::string part = std::move(pending_.back());
      pending_.pop_back();
      int error = Step(part);
      if (error != 0) return error;
    }
    return 0;
  }

  int directory() const {
    return directories_.empty() ? root_ : directories_.back().get();
  }
  Result<UniqueFd> TakeDirectory() {
    if (!directories_.empty()) return std::move(directories_.back());
    return OpenFileAt(root_, ".", O_PATH | O_DIRECTORY);
  }
  const std::string& name() const { return name_; }
  // The whole result, relative to the root.
  std::string ResolvedPath() const {
    std::string path = Join(names_, "/");
    if (name_ == ".") return path;
    return path.empty() ? name_ : path + "/" + name_;
  }

 private:
  void PushPending(std::string_view path) {
    // "x/" means what "x/." means: a directory, and links to it are followed.
    if (!path.empty() && path.back() == '/') pending_.push_back(".");
    auto parts = Split(path, '/');
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      if (!part->empty()) pending_.emplace_back(*part);
    }
  }

  int Step(const std::string& part) {
    if (part == ".") return 0;
    if (part == "..") {
      if (names_.size() == directories_.size() && !names_.empty()) {
        directories_.pop_back();
      }
      if (!names_.empty()) names_.pop_back();
      return 0;
    }
    bool is_last = pending_.empty();
    if (names_.size() > directories_.size()) {  // below something missing
      return Settle(part, is_last);
    }
    if (is_last && last_ == Last::kKeep) return Settle(part, true);

    if (!is_last) {
      UniqueFd child(::openat(directory(), part.c_str(), kOpenDirectory));
      if (child) {
        directories_.push_back(std::move(child));
        names_.push_back(part);
        return 0;
      }
      if (errno != ENOTDIR && errno != ELOOP) return Absent(part, errno);
    }
    std::string target;
    if (ReadLinkRaw(directory(), part.c_str(), target)) return Follow(target);
    // EINVAL: there, but no symlink.
    if (is_last && (errno == EINVAL || errno == ENOENT)) {
      return Settle(part, true);
    }
    return Absent(part, errno == EINVAL ? ENOTDIR : errno);
  }

  int Follow(const std::string& target) {
    if (++links_ > kMaxSymlinks) return ELOOP;
    if (target[0] == '/') {
      directories_.clear();
      names_.clear();
    }
    PushPending(target);
    return 0;
  }

  int Absent(const std::string& part, int error) {
    bool missing = error == ENOENT || error == ENOTDIR;
    if (!missing || missing_ == Missing::kFail) return error;
    return Settle(part, pending_.empty());
  }

  // Takes `part` into the result without having entered it.
  int Settle(const std::string& part, bool is_last) {
    if (is_last) {
      name_ = part;
    } else {
      names_.push_back(part);
    }
    return 0;
  }

  const int root_;
  const Last last_;
  const Missing missing_;
  int links_ = 0;
  std::vector<std::string> pending_;   // still to be resolved, next one last
  std::vector<UniqueFd> directories_;  // entered, below the root
  std::vector<std::string> names_;     // of those, then of missing ones
  std::string name_ = ".";
};

// openat(2) beneath `root` by whichever resolver; -1 with errno on failure.
int OpenRaw(int root, std::string_view path, int flags, unsigned mode) {
  std::string name(path.empty() ? "." : path);
  if (name.find('\0') != std::string::npos) {
    errno = EINVAL;
    return -1;
  }
  if (HaveOpenAt2()) {
    int fd = OpenAt2(root, name.c_str(), flags, mode);
    // EAGAIN: something was renamed while ".." was resolved, and the kernel
    // cannot be sure. The walk can.
    if (fd >= 0 || errno != EAGAIN) return fd;
  }
  bool keep_last = (flags & O_NOFOLLOW) != 0 ||
                   (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
  Walk walk(root, name, keep_last ? Walk::Last::kKeep : Walk::Last::kFollow,
            Walk::Missing::kFail);
  if (int error = walk.Run(); error != 0) {
    errno = error;
    return -1;
  }
  int fd;
  do {
    fd = ::openat(walk.directory(), walk.name().c_str(),
                  flags | O_NOFOLLOW | O_CLOEXEC, mode);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

Error PathError(std::string_view verb, std::string_view path, int error) {
  return ErrnoError(
      std::string(verb) + " " + (path.empty() ? "/" : std::string(path)),
      error);
}

std::string_view WithoutTrailingSlashes(std::string_view path) {
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  return path;
}

// Opens `name` in `dir`, a real directory, or makes it. `made` says which.
Result<UniqueFd> EnterOrMake(int dir, const std::string& name,
                             const MakeDirsOptions& options, bool& made) {
  made = false;
  UniqueFd there(::openat(dir, name.c_str(), kOpenDirectory));
  if (there) return there;
  if (errno != ENOENT) return ErrnoError("open " + name);
  if (::mkdirat(dir, name.c_str(), 0700) == 0) {
    made = true;
  } else if (errno != EEXIST) {
    return ErrnoError("mkdir " + name);
  }
  ASSIGN_OR_RETURN(
      UniqueFd child,
      OpenFileAt(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (!made) return child;
  if (options.uid >= 0 || options.gid >= 0) {
    if (::fchown(child.get(), static_cast<uid_t>(options.uid),
                 static_cast<gid_t>(options.gid)) != 0) {
      return ErrnoError("chown " + name);
    }
  }
  if (::fchmod(child.get(), options.mode) != 0) {
    return ErrnoError("chmod " + name);
  }
  return child;
}

// chmod of an O_PATH descriptor.
void OpenUp(int path_fd) {
  std::string link = "/proc/self/fd/" + std::to_string(path_fd);
  // A failure shows when the directory is opened.
  if (::chmod(link.c_str(), 0700) == 0) return;
#ifdef SYS_fchmodat2
  ::syscall(SYS_fchmodat2, path_fd, "", 0700, AT_EMPTY_PATH);
#endif
}

bool SameMount(const struct statx& a, const struct statx& b) {
  if ((a.stx_mask & b.stx_mask & STATX_MNT_ID) != 0) {
    return a.stx_mnt_id == b.stx_mnt_id;
  }
  return a.stx_dev_major == b.stx_dev_major &&
         a.stx_dev_minor == b.stx_dev_minor;
}

// Opens the directory `name` for reading, with all permissions for its owner.
Result<UniqueFd> OpenToEmpty(int dir, const std::string& name) {
  ASSIGN_OR_RETURN(UniqueFd path_fd,
                   OpenFileAt(dir, name.c_str(), kOpenDirectory));
  struct statx outer, inner;
  if (::statx(dir, "", AT_EMPTY_PATH, STATX_TYPE | STATX_MNT_ID, &outer) != 0 ||
      ::statx(path_fd.get(), "", AT_EMPTY_PATH,
              STATX_TYPE | STATX_MODE | STATX_MNT_ID, &inner) != 0) {
    return ErrnoError("stat " + name);
  }
  if (!SameMount(outer, inner)) {
    return IoError("remove " + name + ": it is a mount point");
  }
  if ((inner.stx_mode & 0700) != 0700) OpenUp(path_fd.get());
  return OpenFileAt(path_fd.get(), ".", O_RDONLY | O_DIRECTORY);
}

// Whether `name` is gone; false: it is a directory.
Result<bool> UnlinkUnlessDirectory(int dir, const std::string& name) {
  if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) return true;
  if (errno == EISDIR) return false;
  return ErrnoError("remove " + name);
}

// A directory being emptied: what is left of its listing.
struct Emptying {
  std::string name;
  std::vector<DirectoryEntry> rest;
};

// Another process may be removing the same tree: what is gone already is fine.
Status EnterToEmpty(DirectoryStack& stack, std::vector<Emptying>& levels,
                    const std::string& name) {
  auto child = OpenToEmpty(stack.fd(), name);
  if (!child) {
    if (child.error().code() == ErrorCode::kNotFound) return {};
    return std::move(child).error();
  }
  RETURN_IF_ERROR(stack.Push(*std::move(child)));
  auto entries = ListDirectory(stack.fd());
  if (!entries && entries.error().code() != ErrorCode::kNotFound) {
    return std::move(entries).error();
  }
  levels.push_back({name, {}});
  if (entries) levels.back().rest = *std::move(entries);
  return {};
}

Status RemoveTree(int dir, const std::string& top) {
  ASSIGN_OR_RETURN(UniqueFd start, OpenFileAt(dir, ".", O_PATH | O_DIRECTORY));
  DirectoryStack stack(std::move(start));
  std::vector<Emptying> levels;
  RETURN_IF_ERROR(EnterToEmpty(stack, levels, top));
  while (!levels.empty()) {
    Emptying& level = levels.back();
    if (level.rest.empty()) {
      RETURN_IF_ERROR(stack.Pop());
      if (::unlinkat(stack.fd(), level.name.c_str(), AT_REMOVEDIR) != 0 &&
          errno != ENOENT) {
        return ErrnoError("rmdir " + level.name);
      }
      levels.pop_back();
      continue;
    }
    std::string name = std::move(level.rest.back().name);
    level.rest.pop_back();
    ASSIGN_OR_RETURN(bool gone, UnlinkUnlessDirectory(stack.fd(), name));
    if (!gone) RETURN_IF_ERROR(EnterToEmpty(stack, levels, name));
  }
  return {};
}

}  // namespace

Result<UniqueFd> OpenInRoot(int root, std::string_view path, int flags,
                            unsigned mode) {
  int fd = OpenRaw(root, path, flags, mode);
  if (fd < 0) return PathError("open", path, errno);
  return UniqueFd(fd);
}

Result<ParentAndName> OpenParentInRoot(int root, std::string_view path) {
  std::string_view trimmed = WithoutTrailingSlashes(path);
  size_t slash = trimmed.rfind('/');
  bool has_slash = slash != std::string_view::npos;
  std::string_view name = has_slash ? trimmed.substr(slash + 1) : trimmed;
  std::string_view parent = has_slash ? trimmed.substr(0, slash) : "";
  if (name.empty() || name == "." || name == "..") {
    parent = trimmed;
    name = ".";
  }
  int fd = OpenRaw(root, parent, O_PATH | O_DIRECTORY, 0);
  if (fd < 0) return PathError("open the directory of", path, errno);
  return ParentAndName{UniqueFd(fd), std::string(name)};
}

Result<std::optional<struct stat>> StatInRoot(int root, std::string_view path,
                                              FollowLast follow) {
  int flags = O_PATH | (follow == FollowLast::kNo ? O_NOFOLLOW : 0);
  UniqueFd fd(OpenRaw(root, path, flags, 0));
  if (!fd) {
    if (errno == ENOENT || errno == ENOTDIR) {
      return std::optional<struct stat>();
    }
    return PathError("stat", path, errno);
  }
  struct stat st;
  if (::fstat(fd.get(), &st) != 0) return PathError("stat", path, errno);
  return std::optional<struct stat>(st);
}

Result<std::string> ReadLinkAt(int dir, const char* name) {
  std::string target;
  if (!ReadLinkRaw(dir, name, target)) {
    return ErrnoError(std::string("readlink ") + name);
  }
  return target;
}

Result<std::string> ReadLinkInRoot(int root, std::string_view path) {
  ASSIGN_OR_RETURN(ParentAndName at, OpenParentInRoot(root, path));
  std::string target;
  if (!ReadLinkRaw(at.parent.get(), at.name.c_str(), target)) {
    return PathError("readlink", path, errno);
  }
  return target;
}

Result<std::string> ResolveInRoot(int root, std::string_view path) {
  Walk walk(root, path, Walk::Last::kFollow, Walk::Missing::kKeep);
  if (int error = walk.Run(); error != 0) {
    return PathError("resolve", path, error);
  }
  return walk.ResolvedPath();
}

Result<std::vector<std::string>> MakeDirsInRoot(
    int root, std::string_view path, const MakeDirsOptions& options) {
  // Without symlinks from here on; a component that has become one meanwhile
  // is ENOTDIR.
  ASSIGN_OR_RETURN(std::string resolved, ResolveInRoot(root, path));
  std::vector<std::string> made_paths;
  UniqueFd current;
  std::string so_far;
  for (std::string_view part : Split(resolved, '/')) {
    if (part.empty()) continue;
    if (!so_far.empty()) so_far += '/';
    so_far += part;
    bool made = false;
    auto next = EnterOrMake(current ? current.get() : root, std::string(part),
                            options, made);
    if (!next) {
      return std::move(next).error().Wrap("make directory " +
                                          std::string(path) + " at " + so_far);
    }
    current = std::move(next).value();
    if (made) made_paths.push_back(so_far);
  }
  return made_paths;
}

Status RemoveAllAt(int dir, const char* name) {
  std::string_view text = name;
  if (text.empty() || text == "." || text == ".." ||
      text.find('/') != std::string_view::npos) {
    return InvalidArgument("remove \"" + std::string(text) +
                           "\": not the name of a directory entry");
  }
  ASSIGN_OR_RETURN(bool gone, UnlinkUnlessDirectory(dir, name));
  if (gone) return {};
  return RemoveTree(dir, name);
}

Status RemoveAllAtPath(const std::string& path) {
  size_t slash = path.rfind('/');
  std::string parent = slash == std::string::npos ? "."
                       : slash == 0               ? "/"
                                                  : path.substr(0, slash);
  ASSIGN_OR_RETURN(UniqueFd dir,
                   OpenFile(parent.c_str(), O_PATH | O_DIRECTORY));
  return RemoveAllAt(dir.get(), path.c_str() + (slash + 1));
}

Status RemoveAllInRoot(int root, std::string_view path) {
  auto at = OpenParentInRoot(root, path);
  if (!at) {
    if (at.error().code() == ErrorCode::kNotFound) return {};
    return std::move(at).error();
  }
  if (at->name == ".") {
    return InvalidArgument("remove " + std::string(path) +
                           ": this is the root or ends in a dot");
  }
  auto removed = RemoveAllAt(at->parent.get(), at->name.c_str());
  if (!removed) {
    return std::move(removed).error().Wrap("remove " + std::string(path));
  }
  return {};
}

void ForceRootedFsFallback(bool on) { fallback_forced.store(on); }

}  // namespace strake
