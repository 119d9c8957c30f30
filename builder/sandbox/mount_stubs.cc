#include "builder/sandbox/mount_stubs.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::sandbox {
namespace {

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

Result<UniqueFd> MountStubs::Open(int root, std::string_view target,
                                  Kind kind) {
  ASSIGN_OR_RETURN(std::string path, ResolveInRoot(root, target));
  // Reopened rather than duplicated: an earlier mount may cover the root.
  ASSIGN_OR_RETURN(UniqueFd place, OpenFileAt(root, ".", O_PATH | O_DIRECTORY));
  if (path.empty()) return place;
  const std::vector<std::string_view> names = Split(path, '/');
  for (size_t i = 0; i < names.size(); ++i) {
    const std::string name(names[i]);
    const bool last = i + 1 == names.size();
    const int flags = O_PATH | O_NOFOLLOW | (last ? 0 : O_DIRECTORY);
    Result<UniqueFd> next = OpenFileAt(place.get(), name.c_str(), flags);
    if (!next && next.error().code() == ErrorCode::kNotFound) {
      RETURN_IF_ERROR(Make(place.get(), name, last ? kind : Kind::kDirectory));
      next = OpenFileAt(place.get(), name.c_str(), flags);
    }
    if (!next) {
      return std::move(next).error().Wrap("mount point /" + path);
    }
    place = std::move(next).value();
  }
  return place;
}

Status MountStubs::Make(int parent, const std::string& name, Kind kind) {
  struct stat before {};
  if (fstat(parent, &before) != 0) return ErrnoError("fstat");
  if (kind == Kind::kDirectory) {
    if (mkdirat(parent, name.c_str(), 0755) != 0) {
      return ErrnoError("make the mount point directory " + name);
    }
  } else {
    const int file =
        openat(parent, name.c_str(),
               O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (file < 0) return ErrnoError("make the mount point file " + name);
    close(file);
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
  return {};
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
  if (stub.kind == Kind::kFile) {
    if (!S_ISREG(found.st_mode) || found.st_size != 0) return {};
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
  return first;
}

}  // namespace strake::builder::sandbox
