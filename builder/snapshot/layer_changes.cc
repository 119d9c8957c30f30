#include "builder/snapshot/layer_changes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
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

Result<std::vector<oci::Change>> LeadingDirectories(
    const OwnershipJournal& journal, const SnapshotDiff& diff) {
  std::vector<oci::Change> leading;
  for (const std::string& path : MissingDirectories(diff.changes)) {
    const auto known =
        std::ranges::find(diff.leading, path, &oci::Change::path);
    if (known != diff.leading.end()) {
      leading.push_back(*known);
      continue;
    }
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
    leading.push_back(std::move(change));
  }
  return leading;
}

Status AddLeadingDirectories(const OwnershipJournal& journal,
                             SnapshotDiff& diff) {
  ASSIGN_OR_RETURN(std::vector<oci::Change> leading,
                   LeadingDirectories(journal, diff));
  if (leading.empty()) return {};
  diff.changes.insert(diff.changes.end(),
                      std::make_move_iterator(leading.begin()),
                      std::make_move_iterator(leading.end()));
  std::ranges::sort(diff.changes, PathLess, &oci::Change::path);
  return {};
}

}  // namespace strake::builder::snapshot
