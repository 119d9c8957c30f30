// Writes files with the owners, modes and devices they are meant to have, on
// disk where the kernel allows, else in a journal (util/ownership_journal.h).
//
// Not thread-safe: one writer, one thread.

#ifndef STRAKE_BUILDER_CONTEXT_TREE_WRITER_H_
#define STRAKE_BUILDER_CONTEXT_TREE_WRITER_H_

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/file_copy.h"
#include "util/ownership_journal.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::context {

struct FileOwner {
  uint32_t uid = 0;
  uint32_t gid = 0;
  friend bool operator==(const FileOwner&, const FileOwner&) = default;
};

// What a file is to be.
struct FileMetadata {
  uint32_t mode = 0;  // type and permission bits
  FileOwner owner;
  uint64_t rdev = 0;
  Xattrs xattrs;
  struct timespec mtime = {};
};

// A name in a directory of the tree, and the same as a path from its root.
struct TreePlace {
  int directory = -1;  // borrowed
  std::string name;
  std::string path;  // free of symlinks, without leading "/"
};

class TreeWriter {
 public:
  // `root` is borrowed.
  //   journal         takes what the kernel refuses (EPERM, EINVAL); null: a
  //                   refusal is an error
  //   parent_journal  of the tree as it was; what is replaced there gets an
  //                   entry of its own. May be null
  TreeWriter(int root, OwnershipJournal* journal,
             const OwnershipJournal* parent_journal);

  int root() const { return root_; }

  // Each makes a new file that is its owner's alone until `Finish`; nothing may
  // be there. Permission bits of `metadata` are left to `Finish`.
  Result<UniqueFd> CreateFile(const TreePlace& place);
  Status CreateDirectory(const TreePlace& place);
  Status CreateSymlink(const TreePlace& place, const std::string& target);
  // A device, fifo or socket; what may not be made is a journalled empty file.
  Status CreateNode(const TreePlace& place, const FileMetadata& metadata);
  // A second name for the file at `existing`, a path of this tree.
  Status CreateLink(const TreePlace& place, std::string_view existing);

  // Gives the file its owner, mode, attributes and, last, its time. Once a
  // directory's content is there, for directories.
  Status Finish(const TreePlace& place, const FileMetadata& metadata);

  // Sets permission bits and time only, of an existing directory.
  Status SetMode(const TreePlace& place, uint32_t mode);

  // Removes what is at `place`, a whole tree if need be; a missing file is
  // fine.
  Status Remove(const TreePlace& place);

  // mkdir -p of `path`, which is free of symlinks as far as it exists. Returns
  // the paths that were made, parents first, each with `metadata` but a mode
  // that lets this process fill them: the caller finishes them with
  // `FinishDirectories`.
  Result<std::vector<std::string>> MakeDirectories(std::string_view path);
  Status FinishDirectories(const std::vector<std::string>& paths,
                           const FileMetadata& metadata);

  // Extended attributes that could be set nowhere, as sentences; the first few.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  Status Refused(const TreePlace& place, const FileMetadata& metadata,
                 std::map<std::string, std::string> refused_xattrs);

  int root_;
  OwnershipJournal* journal_;
  const OwnershipJournal* parent_journal_;
  bool may_override_;  // CAP_DAC_OVERRIDE: modes do not stop this process
  std::vector<std::string> warnings_;
};

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_TREE_WRITER_H_
