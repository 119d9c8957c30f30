#include "builder/snapshot/layer_changes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "builder/snapshot/file_metadata.h"
#include "oci/change.h"
#include "util/result_macros.h"
#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

// Those that have no entry.
std::set<std::string> MissingDirectories(
    const std::vector<oci::Change>& changes) {
  std::set<std::string> there;
  for (const oci::Change& change : changes) there.insert(change.path);
  std::set<std::string> missing;
  for (const oci::Change& change : changes) {
    for (size_t slash = change.path.rfind('/'); slash != std::string::npos;
         slash = change.path.rfind('/', slash - 1)) {
      std::string directory = change.path.substr(0, slash);
      if (there.count(directory) != 0) continue;
      // Where this one is known, so are all above it.
      if (!missing.insert(std::move(directory)).second) break;
    }
  }
  return missing;
}

}  // namespace

Status AddLeadingDirectories(const OwnershipJournal& journal,
                             SnapshotDiff& diff) {
  const std::set<std::string> missing = MissingDirectories(diff.changes);
  if (missing.empty()) return {};
  for (const std::string& path : missing) {
    struct statx st;
    if (::statx(diff.root.get(), path.c_str(), AT_SYMLINK_NOFOLLOW,
                STATX_BASIC_STATS, &st) != 0) {
      return ErrnoError("stat the directory " + path);
    }
    oci::Change change;
    change.path = path;
    ASSIGN_OR_RETURN(change.metadata,
                     ReadFileMetadata(diff.root.get(), path.c_str(), st));
    ApplyJournalEntry(journal.Find(path), change.metadata);
    diff.changes.push_back(std::move(change));
  }
  std::ranges::sort(diff.changes, PathLess, &oci::Change::path);
  return {};
}

}  // namespace strake::builder::snapshot
