// Keeping a journal true to a file system that a step has written to without
// telling it.
//
// An entry stays for a file that nobody touched, or that the overlay only
// copied up. It is dropped where the file is gone or has become another type.
// Until system calls of a step are watched there is a known limit: a file that
// a step deletes and makes anew under the same name, with the same type, is
// taken for a copied-up one and keeps its virtual owner.

#ifndef STRAKE_BUILDER_SNAPSHOT_JOURNAL_REFRESH_H_
#define STRAKE_BUILDER_SNAPSHOT_JOURNAL_REFRESH_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::snapshot {

struct DiskFile {
  uint32_t mode = 0;  // as st_mode
  uint32_t uid = 0;
  uint32_t gid = 0;
};

// What has become of a file since the parent.
struct JournalledFile {
  bool touched = false;  // false: it is as it was, and nothing else is set
  // Nothing: there is no such file.
  std::optional<DiskFile> before;
  std::optional<DiskFile> now;
};
using JournalProbe =
    std::function<Result<JournalledFile>(const std::string& path)>;

// `journal`, which began as a copy of `parent`, without those entries of the
// parent that are no longer true. Entries that differ from the parent's were
// made since, and stay. Where mode or owner of a file changed on disk
// (chmod, chown), its entry follows.
Result<OwnershipJournal> RefreshJournal(const OwnershipJournal& journal,
                                        const OwnershipJournal& parent,
                                        const JournalProbe& probe);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_JOURNAL_REFRESH_H_
