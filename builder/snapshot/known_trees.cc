#include "builder/snapshot/known_trees.h"

#include <sys/stat.h>

namespace strake::builder::snapshot {
namespace {

// More than steps that run at once: others will not be taken over.
constexpr size_t kMost = 32;

bool SameFile(int a, int b) {
  struct stat in_a, in_b;
  return ::fstat(a, &in_a) == 0 && ::fstat(b, &in_b) == 0 &&
         in_a.st_dev == in_b.st_dev && in_a.st_ino == in_b.st_ino;
}

}  // namespace

void KnownTrees::Put(const SnapshotId& id, KnownTree tree) {
  auto trees = trees_.lock();
  if (trees->size() >= kMost) trees->erase(trees->begin());
  trees->insert_or_assign(id, std::move(tree));
}

std::optional<MetadataScan> KnownTrees::Take(const SnapshotId& id, int root) {
  auto node = trees_.lock()->extract(id);
  if (node.empty() || !SameFile(node.mapped().root.get(), root)) return {};
  return std::move(node.mapped().scan);
}

}  // namespace strake::builder::snapshot
