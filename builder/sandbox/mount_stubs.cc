#include "builder/sandbox/mount_stubs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::sandbox {
namespace {

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

// Whether something is mounted on `name`, in whichever namespace `parent` is.
// What was mounted there can outlive the step: a child that another thread has
// just started holds all our descriptors for as long as it has not executed
// its program, that of the mount namespace among them.
bool IsCovered(int parent, const std::string& name) {
  struct statx below {};
  struct statx above {};
  if (statx(parent, "", AT_EMPTY_PATH, STATX_MNT_ID, &below) != 0 ||
      statx(parent, name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_MNT_ID, &above) !=
          0) {
    return false;
  }
  const bool known = (below.stx_mask & STATX_MNT_ID) != 0 &&
                     (above.stx_mask & STATX_MNT_ID) != 0;
  return known && below.stx_mnt_id != above.stx_mnt_id;
}

// Nobody but a program of a step can refuse the lock for longer than it takes
// to remove a place.
constexpr int kAttempts = 100;

}  // namespace

Result<UniqueFd> MountStubs::Open(int root, std::string_view target,
                                  Kind kind) {
  ASSIGN_OR_RETURN(const std::string path, ResolveInRoot(root, target));
  for (int attempt = 1; attempt <= kAttempts; ++attempt) {
    ASSIGN_OR_RETURN(
        std::optional<UniqueFd> place,
        TryOpen(root, path, kind,
                attempt < kAttempts ? Locks::kNeeded : Locks::kWished));
    if (place) return *std::move(place);
    sched_yield();
  }
  return IoError("mount point /" + path + ": it was removed again and again");
}

Result<std::optional<UniqueFd>> MountStubs::TryOpen(int root,
                                                    const std::string& path,
                                                    Kind kind, Locks locks) {
  // Reopened rather than duplicated: an earlier mount may cover the root.
  ASSIGN_OR_RETURN(UniqueFd place, OpenFileAt(root, ".", O_PATH | O_DIRECTORY));
  if (path.empty()) return std::optional(std::move(place));
  const std::vector<std::string_view> names = Split(path, '/');
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string name(names[i]);
    const bool last = i + 1 == names.size();
    const int flags = O_PATH | O_NOFOLLOW | (last ? 0 : O_DIRECTORY);
    Result<UniqueFd> next = OpenFileAt(place.get(), name.c_str(), flags);
    bool made = false;
    if (!next && next.error().code() == ErrorCode::kNotFound) {
      ASSIGN_OR_RETURN(made,
                       Make(place.get(), name, last ? kind : Kind::kDirectory));
      next = OpenFileAt(place.get(), name.c_str(), flags);
      if (!next && next.error().code() == ErrorCode::kNotFound) {
        return std::optional<UniqueFd>();
      }
    }
    if (!next) {
      return std::move(next).error().Wrap("mount point /" + path);
    }
    if (last && !Hold(place.get(), name, next->get(), locks)) {
      return std::optional<UniqueFd>();
    }
    if (last && made) {
      stubs_.back().held = std::move(held_.back());
      held_.pop_back();
    }
    place = std::move(next).value();
  }
  return std::optional(std::move(place));
}

Result<bool> MountStubs::Make(int parent, const std::string& name, Kind kind) {
  const auto failed = [&](const std::string& what) -> Result<bool> {
    if (errno == EEXIST || errno == ENOENT) return false;
    return ErrnoError("make the mount point " + what + " " + name);
  };
  struct stat before {};
  if (fstat(parent, &before) != 0) return ErrnoError("fstat");
  if (kind == Kind::kDirectory) {
    if (mkdirat(parent, name.c_str(), 0755) != 0) return failed("directory");
  } else {
    const UniqueFd file(
        openat(parent, name.c_str(),
               O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (!file) return failed("file");
  }
  Stub stub;
  stub.name = name;
  stub.kind = kind;
  stub.accessed = before.st_atim;
  stub.modified = before.st_mtim;
  ASSIGN_OR_RETURN(stub.parent, DuplicateFd(parent));
  struct stat after {};
  if (fstat(parent, &after) != 0) return ErrnoError("fstat");
  stub.modified_by_us = after.st_mtim;
  stubs_.push_back(std::move(stub));
  return true;
}

// Locks `place`, which has been found as `name`, if it may be a stub, and adds
// it to `held_`. False: it is being removed.
bool MountStubs::Hold(int parent, const std::string& name, int place,
                      Locks locks) {
  struct stat found {};
  if (fstat(place, &found) != 0) return true;
  UniqueFd& held = held_.emplace_back();
  const bool may_be_stub =
      S_ISDIR(found.st_mode) || (S_ISREG(found.st_mode) && found.st_size == 0);
  if (!may_be_stub) return true;
  held.reset(openat(parent, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!held) return errno != ENOENT;
  // Other errors: a file system that has no locks.
  const bool busy =
      flock(held.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  struct stat now {};
  const bool there =
      fstatat(parent, name.c_str(), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
      SameFile(found, now);
  return there && (!busy || locks == Locks::kWished);
}

Status MountStubs::RemoveOne(const Stub& stub) {
  struct stat found {};
  struct stat parent {};
  if (fstat(stub.parent.get(), &parent) != 0) return ErrnoError("fstat");
  if (fstatat(stub.parent.get(), stub.name.c_str(), &found,
              AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};  // the step itself removed it
    return ErrnoError("mount point " + stub.name);
  }
  if (stub.held && flock(stub.held.get(), LOCK_EX | LOCK_NB) != 0 &&
      errno == EWOULDBLOCK) {
    return {};
  }
  if (stub.kind == Kind::kFile) {
    // Below a mount nobody could write to it.
    const bool is_empty = S_ISREG(found.st_mode) && found.st_size == 0;
    if (!is_empty && !IsCovered(stub.parent.get(), stub.name)) return {};
    if (unlinkat(stub.parent.get(), stub.name.c_str(), 0) != 0) {
      return ErrnoError("remove the mount point " + stub.name);
    }
  } else if (unlinkat(stub.parent.get(), stub.name.c_str(), AT_REMOVEDIR) !=
             0) {
    // In use by now: it belongs to the step's result.
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR) return {};
    return ErrnoError("remove the mount point " + stub.name);
  }
  const bool ours = SameTime(parent.st_mtim, stub.modified_by_us);
  const timespec times[2] = {ours ? stub.accessed : parent.st_atim,
                             ours ? stub.modified : parent.st_mtim};
  if (utimensat(stub.parent.get(), "", times, AT_EMPTY_PATH) != 0) {
    return ErrnoError("restore the times around the mount point " + stub.name);
  }
  return {};
}

Status MountStubs::Remove() {
  Status first;
  while (!stubs_.empty()) {
    Status removed = RemoveOne(stubs_.back());
    if (!removed && first) first = std::move(removed);
    stubs_.pop_back();
  }
  held_.clear();
  return first;
}

}  // namespace strake::builder::sandbox
