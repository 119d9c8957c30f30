#include "builder/snapshot/change_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>

#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

using Identity = std::pair<uint64_t, uint64_t>;

bool MayBeLinked(const oci::Change& change) {
  return change.kind == oci::ChangeKind::kPresent &&
         change.metadata.link_count > 1 && !S_ISDIR(change.metadata.mode);
}

Identity IdentityOf(const oci::Change& change) {
  return {change.metadata.device, change.metadata.inode};
}

}  // namespace

void ChangeList::Present(std::string path, oci::FileMetadata metadata) {
  changes_.push_back(
      {oci::ChangeKind::kPresent, std::move(path), std::move(metadata)});
}

void ChangeList::Deleted(std::string path) {
  changes_.push_back({oci::ChangeKind::kDeleted, std::move(path), {}});
}

void ChangeList::Unchanged(std::string path, oci::FileMetadata metadata) {
  oci::Change change{oci::ChangeKind::kPresent, std::move(path),
                     std::move(metadata)};
  if (MayBeLinked(change)) unchanged_links_.push_back(std::move(change));
}

std::vector<oci::Change> ChangeList::Finish() && {
  std::set<Identity> changed;
  for (const oci::Change& change : changes_) {
    if (MayBeLinked(change)) changed.insert(IdentityOf(change));
  }
  for (oci::Change& link : unchanged_links_) {
    if (changed.count(IdentityOf(link)) != 0) {
      changes_.push_back(std::move(link));
    }
  }
  std::ranges::sort(changes_, PathLess, &oci::Change::path);
  return std::move(changes_);
}

}  // namespace strake::builder::snapshot
