#include "builder/sandbox/root_covers.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::sandbox {
namespace {

bool SameTime(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

Result<struct stat> StatFd(int fd) {
  struct stat found = {};
  if (fstat(fd, &found) != 0) return ErrnoError("fstat");
  return found;
}

}  // namespace

Result<RootCovers> RootCovers::Open(int root, const std::string& root_path) {
  std::string hidden = root_path;
  while (hidden.ends_with('/')) hidden.pop_back();
  hidden += ".covered-XXXXXX";
  if (mkdtemp(hidden.data()) == nullptr) return ErrnoError("mkdtemp " + hidden);
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFile(hidden.c_str(), O_RDONLY | O_DIRECTORY));
  return RootCovers(root, std::move(hidden), std::move(fd));
}

RootCovers::RootCovers(RootCovers&& other) noexcept
    : root_(other.root_),
      hidden_path_(std::exchange(other.hidden_path_, std::string())),
      hidden_(std::move(other.hidden_)),
      changes_(std::move(other.changes_)) {}

RootCovers::~RootCovers() { (void)Restore(); }

Result<UniqueFd> RootCovers::Enter(int parent, const std::string& name) {
  constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  Result<UniqueFd> next = OpenFileAt(parent, name.c_str(), kFlags);
  if (next || next.error().code() != ErrorCode::kNotFound) return next;
  Change change;
  change.name = name;
  ASSIGN_OR_RETURN(const struct stat before, StatFd(parent));
  ASSIGN_OR_RETURN(change.parent, DuplicateFd(parent));
  if (mkdirat(parent, name.c_str(), 0755) != 0) {
    return ErrnoError("mkdir " + name);
  }
  ASSIGN_OR_RETURN(const struct stat after, StatFd(parent));
  change.accessed = before.st_atim;
  change.modified = before.st_mtim;
  change.modified_by_us = after.st_mtim;
  changes_.push_back(std::move(change));
  return OpenFileAt(parent, name.c_str(), kFlags);
}

Status RootCovers::PutAside(std::string_view target) {
  ASSIGN_OR_RETURN(const std::string path, ResolveInRoot(root_, target));
  if (path.empty()) return InvalidArgument("nothing can replace \"/\"");
  std::vector<std::string_view> names = Split(path, '/');
  Change change;
  change.is_cover = true;
  change.name = names.back();
  names.pop_back();
  ASSIGN_OR_RETURN(change.parent,
                   OpenFileAt(root_, ".", O_RDONLY | O_DIRECTORY));
  for (std::string_view name : names) {
    Result<UniqueFd> next = Enter(change.parent.get(), std::string(name));
    if (!next) return std::move(next).error().Wrap("mount point /" + path);
    change.parent = std::move(next).value();
  }
  ASSIGN_OR_RETURN(const struct stat before, StatFd(change.parent.get()));
  change.accessed = before.st_atim;
  change.modified = before.st_mtim;
  const std::string aside = std::to_string(changes_.size());
  if (renameat(change.parent.get(), change.name.c_str(), hidden_.get(),
               aside.c_str()) == 0) {
    change.hides = true;
  } else if (errno != ENOENT) {
    return ErrnoError("put /" + path + " aside");
  }
  changes_.push_back(std::move(change));
  return {};
}

Status RootCovers::NoteTime() {
  Change& last = changes_.back();
  ASSIGN_OR_RETURN(const struct stat after, StatFd(last.parent.get()));
  last.modified_by_us = after.st_mtim;
  return {};
}

Result<UniqueFd> RootCovers::CoverWithDirectory(std::string_view target,
                                                mode_t mode) {
  RETURN_IF_ERROR(PutAside(target));
  const Change& place = changes_.back();
  if (mkdirat(place.parent.get(), place.name.c_str(), 0700) != 0) {
    return ErrnoError("mkdir " + place.name);
  }
  ASSIGN_OR_RETURN(UniqueFd made,
                   OpenFileAt(place.parent.get(), place.name.c_str(),
                              O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (fchmod(made.get(), mode) != 0) return ErrnoError("chmod " + place.name);
  RETURN_IF_ERROR(NoteTime());
  return made;
}

Result<UniqueFd> RootCovers::CoverWithFile(std::string_view target,
                                           mode_t mode) {
  RETURN_IF_ERROR(PutAside(target));
  const Change& place = changes_.back();
  ASSIGN_OR_RETURN(UniqueFd made,
                   OpenFileAt(place.parent.get(), place.name.c_str(),
                              O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  if (fchmod(made.get(), mode) != 0) return ErrnoError("chmod " + place.name);
  RETURN_IF_ERROR(NoteTime());
  return made;
}

Status RootCovers::Undo(const Change& change, size_t index) {
  const int parent = change.parent.get();
  ASSIGN_OR_RETURN(const struct stat now, StatFd(parent));
  if (change.is_cover) {
    RETURN_IF_ERROR(RemoveAllAt(parent, change.name.c_str()));
    if (change.hides && renameat(hidden_.get(), std::to_string(index).c_str(),
                                 parent, change.name.c_str()) != 0) {
      return ErrnoError("put " + change.name + " back");
    }
  } else if (unlinkat(parent, change.name.c_str(), AT_REMOVEDIR) != 0) {
    // In use by now, or removed by the step itself: part of its result.
    if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT ||
        errno == ENOTDIR) {
      return {};
    }
    return ErrnoError("rmdir " + change.name);
  }
  const bool ours = SameTime(now.st_mtim, change.modified_by_us);
  const timespec times[2] = {ours ? change.accessed : now.st_atim,
                             ours ? change.modified : now.st_mtim};
  if (futimens(parent, times) != 0) {
    return ErrnoError("restore the times around " + change.name);
  }
  return {};
}

Status RootCovers::RestoreTo(size_t mark) {
  Status first;
  while (changes_.size() > mark) {
    Status undone = Undo(changes_.back(), changes_.size() - 1);
    if (!undone && first) first = std::move(undone);
    changes_.pop_back();
  }
  return first;
}

Status RootCovers::Restore() {
  if (hidden_path_.empty()) return {};
  Status first = RestoreTo(0);
  if (rmdir(hidden_path_.c_str()) != 0 && first) {
    first = ErrnoError("rmdir " + hidden_path_);
  }
  hidden_path_.clear();
  return first;
}

}  // namespace strake::builder::sandbox
