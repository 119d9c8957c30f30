#include "util/tree_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "util/directory.h"
#include "util/file_copy.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/tree_walk.h"

namespace strake {
namespace {

class TreeCopy {
 public:
  TreeCopy(int to, UniqueFd top,
           const std::function<bool(std::string_view)>& keeps_xattr)
      : to_(to), stack_(std::move(top)), keeps_xattr_(keeps_xattr) {}

  Status Run(int from) {
    return WalkTree(
        from, {.xattrs = true, .open_up = true},
        [this](const TreeEntry& entry) -> Result<TreeStep> {
          auto made = Make(entry);
          if (!made) return Explain(std::move(made), entry);
          return TreeStep::kContinue;
        },
        [this](const TreeEntry& entry) -> Status {
          RETURN_IF_ERROR(stack_.Pop());
          auto finished = Finish(entry);
          if (!finished) return Explain(std::move(finished), entry);
          return {};
        });
  }

 private:
  static Error Explain(Status status, const TreeEntry& entry) {
    return std::move(status).error().Wrap("copy " + std::string(entry.path));
  }

  Status Make(const TreeEntry& entry) {
    const struct statx& st = *entry.stat;
    std::string name(entry.name);
    if (S_ISSOCK(st.stx_mode)) return {};
    if (S_ISDIR(st.stx_mode)) {
      if (::mkdirat(stack_.fd(), name.c_str(), 0700) != 0) {
        return ErrnoError("mkdir");
      }
      return stack_.Push(name.c_str());  // finished once it is full
    }
    ASSIGN_OR_RETURN(bool linked, LinkToFirst(entry, name));
    if (linked) return {};
    if (S_ISREG(st.stx_mode)) {
      RETURN_IF_ERROR(MakeFile(entry, name));
    } else if (S_ISLNK(st.stx_mode)) {
      ASSIGN_OR_RETURN(std::string target,
                       ReadLinkAt(entry.directory, name.c_str()));
      if (::symlinkat(target.c_str(), stack_.fd(), name.c_str()) != 0) {
        return ErrnoError("symlink");
      }
    } else if (::mknodat(stack_.fd(), name.c_str(), st.stx_mode,
                         ::makedev(st.stx_rdev_major, st.stx_rdev_minor)) !=
               0) {
      return ErrnoError("mknod");
    }
    return Finish(entry);
  }

  // Whether another name of the same file was copied before.
  Result<bool> LinkToFirst(const TreeEntry& entry, const std::string& name) {
    if (entry.stat->stx_nlink < 2) return false;
    auto [first, is_new] =
        first_names_.try_emplace(entry.stat->stx_ino, std::string(entry.path));
    if (is_new) return false;
    if (::linkat(to_, first->second.c_str(), stack_.fd(), name.c_str(), 0) !=
        0) {
      return ErrnoError("link to " + first->second);
    }
    return true;
  }

  Status MakeFile(const TreeEntry& entry, const std::string& name) {
    ASSIGN_OR_RETURN(UniqueFd from, OpenToRead(entry.directory, name.c_str()));
    ASSIGN_OR_RETURN(
        UniqueFd to,
        OpenFileAt(stack_.fd(), name.c_str(),
                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    ASSIGN_OR_RETURN(uint64_t size, CopyFileContents(from.get(), to.get()));
    static_cast<void>(size);
    return {};
  }

  // Attributes: owner first, which clears set-id bits and file capabilities.
  Status Finish(const TreeEntry& entry) {
    const struct statx& st = *entry.stat;
    std::string name(entry.name);
    FileAttributes owner;
    owner.uid = st.stx_uid;
    owner.gid = st.stx_gid;
    RETURN_IF_ERROR(SetAttributesAt(stack_.fd(), name.c_str(), owner));
    for (const auto& [attribute, value] : *entry.xattrs) {
      if (keeps_xattr_ && !keeps_xattr_(attribute)) continue;
      RETURN_IF_ERROR(SetXattrAt(stack_.fd(), name.c_str(), attribute, value));
    }
    FileAttributes rest;
    rest.mode = st.stx_mode & 07777;
    rest.set_mtime = true;
    rest.mtime.tv_sec = st.stx_mtime.tv_sec;
    rest.mtime.tv_nsec = st.stx_mtime.tv_nsec;
    if (S_ISLNK(st.stx_mode)) rest.mode = -1;
    return SetAttributesAt(stack_.fd(), name.c_str(), rest);
  }

  const int to_;
  DirectoryStack stack_;  // where the walk is, in the copy
  const std::function<bool(std::string_view)>& keeps_xattr_;
  // By inode: where a file with several names was put.
  std::map<uint64_t, std::string> first_names_;
};

}  // namespace

Status CopyTree(int from, int to,
                const std::function<bool(std::string_view)>& keeps_xattr) {
  ASSIGN_OR_RETURN(UniqueFd top, OpenFileAt(to, ".", O_RDONLY | O_DIRECTORY));
  return TreeCopy(to, std::move(top), keeps_xattr).Run(from);
}

}  // namespace strake
