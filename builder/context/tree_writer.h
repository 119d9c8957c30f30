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
  //   parent_journal  of the tree as it was; what replaces a file that it
  //                   speaks of gets an entry of its own. May be null
  //   use             with kAll `journal` also takes what the kernel would
  TreeWriter(int root, OwnershipJournal* journal,
             const OwnershipJournal* parent_journal,
             JournalUse use = JournalUse::kRefused);

  int root() const { return root_; }

  // Each makes a new file, which is this process's alone until `Finish`.
  // Nothing may be there.
  Result<UniqueFd> CreateFile(const TreePlace& place);
  Status CreateDirectory(const TreePlace& place);
  Status CreateSymlink(const TreePlace& place, const std::string& target);
  // A device, fifo or socket; a device that may not be made becomes an empty
  // file, which `Finish` writes into the journal as what it is meant to be.
  Status CreateNode(const TreePlace& place, const FileMetadata& metadata);
  // A second name, already finished, for the file at `existing`, a path of this
  // tree. False: the file system allows no (further) link to it.
  Result<bool> CreateLink(const TreePlace& place, std::string_view existing);

  // Gives a file its time, owner, attributes and mode. For a directory: once
  // its content is there.
  Status Finish(const TreePlace& place, const FileMetadata& metadata);

  // What an existing file is meant to be, with the attributes that only the
  // journal has.
  Result<FileMetadata> Describe(const TreePlace& place) const;

  // Lets this process write into an existing directory, if modes stop it.
  Status OpenUp(const TreePlace& place);

  // Removes what is at `place`, a whole tree if need be; a missing file is
  // fine.
  Status Remove(const TreePlace& place);

  // Makes the directory `path`, which is free of symlinks as far as it exists,
  // and its parents; returns the paths that were not there, parents first. They
  // stay open for this process until `Finish`. `kInvalidArgument`: a file is in
  // the way.
  Result<std::vector<std::string>> MakeDirectories(std::string_view path);
  // `Finish` for a path.
  Status FinishPath(const std::string& path, const FileMetadata& metadata);

  // Extended attributes that could be set nowhere, as sentences; the first few.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  class Finisher;
  void NoteLostXattr(const TreePlace& place, const std::string& name,
                     int error);
  Status CopyJournalEntry(const TreePlace& place, std::string_view existing);
  bool IsSpokenOf(std::string_view path) const;

  int root_;
  OwnershipJournal* journal_;
  const OwnershipJournal* parent_journal_;
  bool records_all_;
  bool modes_bind_;  // no CAP_DAC_OVERRIDE, or nobody's business here
  std::vector<std::string> warnings_;
  size_t lost_xattrs_ = 0;
};

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_TREE_WRITER_H_
