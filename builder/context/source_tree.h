// A directory tree that files are copied out of: a build context seen through
// its ignore rules, or the root file system of another state.
//
// What the ignore rules exclude is as if it were not there, also for the
// symlinks on the way to a file. Paths resolve inside the tree, as in
// util/rooted_fs.h. Safe to use from several threads.

#ifndef STRAKE_BUILDER_CONTEXT_SOURCE_TREE_H_
#define STRAKE_BUILDER_CONTEXT_SOURCE_TREE_H_

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dockerfile/ignore.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::context {

// The patterns of an ignore file.
struct IgnoreRules {
  dockerfile::IgnoreMatcher matcher;
  std::string file;           // its name, for messages: ".dockerignore"
  std::vector<size_t> lines;  // by pattern: its line in the file, from 1

  // "excluded by .dockerignore:3: *.log", or "" where `path` is not excluded.
  std::string Explain(std::string_view path) const;
};

// A file's identity on this machine.
struct FileId {
  uint64_t device = 0;
  uint64_t inode = 0;
  friend auto operator<=>(const FileId&, const FileId&) = default;
};

struct SourceTree {
  int root = -1;  // a directory, open for reading; borrowed
  // Owners that the disk cannot hold, by path; null: the disk tells the truth.
  const OwnershipJournal* journal = nullptr;
  const IgnoreRules* ignore = nullptr;  // null: nothing is excluded
  // Every file counts as owned by 0:0, whoever owns it on this machine.
  bool owned_by_root = false;
  // Directories that are never part of the tree (strake's own store).
  std::vector<FileId> hidden;
};

// A file as a copy sees it: the journal's word over the disk's.
struct SourceFile {
  uint32_t mode = 0;  // type and permission bits, as st_mode
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size_bytes = 0;
  uint64_t rdev = 0;
  struct timespec mtime = {};
  struct timespec ctime = {};
  FileId id;
  uint64_t link_count = 1;
  uint32_t disk_mode = 0;  // what is on disk: a journalled device is a file

  bool IsDirectory() const { return S_ISDIR(mode); }
  bool IsRegular() const { return S_ISREG(mode); }
  bool IsSymlink() const { return S_ISLNK(mode); }
};

// Whether a file that was looked at is still the same, by what stat(2) says of
// it now.
bool IsUnchanged(const SourceFile& file, const struct stat& now);

// What `path` (resolved: no symlink but perhaps the last component) is in
// `tree`; nothing where it does not exist or is excluded. An excluded directory
// exists if anything below it does. "" is the root.
Result<std::optional<SourceFile>> FindInTree(const SourceTree& tree,
                                             std::string_view path);

// The path that `path` denotes once every symlink, the last component too, is
// resolved inside the tree; nothing where that, or a link on the way, does not
// exist or is excluded. `kIo`: too many symlinks.
Result<std::optional<std::string>> ResolveInTree(const SourceTree& tree,
                                                 std::string_view path);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_SOURCE_TREE_H_
