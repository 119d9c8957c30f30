// What lies in a store, and what needs it. Not a public header:
// `store_usage.h`, `prune.h` and `fsck.h` are.

#ifndef STRAKE_BUILDER_STORE_INVENTORY_H_
#define STRAKE_BUILDER_STORE_INVENTORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "builder/cache/cache_index.h"
#include "builder/snapshot/snapshot_store.h"
#include "builder/store.h"
#include "builder/store_usage.h"
#include "oci/digest.h"
#include "util/result.h"

namespace strake::builder {

struct StoredSnapshot {
  size_t kind = 0;  // index into `Inventory::kinds`
  snapshot::SnapshotId id;
  std::vector<snapshot::SnapshotId> parents;  // nearest first
  uint64_t size_bytes = 0;                    // on disk
  oci::Timestamp created;
};

// An entry with what has to go when it goes.
struct InventoryEntry {
  CacheEntry shown;
  std::optional<oci::Digest> key;
  std::vector<size_t> snapshots;  // into `Inventory::snapshots`
  std::vector<oci::Digest> blobs;
  std::vector<std::string> paths;
};

struct Inventory {
  // Overlay, plain and so on: each has snapshots of its own.
  std::vector<std::shared_ptr<const snapshot::SnapshotStore>> kinds;
  std::vector<StoredSnapshot> snapshots;
  // Blobs that images need, and how large they are; names that lack some.
  std::map<oci::Digest, uint64_t> of_images;
  std::vector<std::string> broken_images;
  // Documents of images that are there and could not be read: what they need
  // is not known.
  std::vector<std::string> unread_documents;
  size_t image_count = 0;
  std::vector<InventoryEntry> entries;
  uint64_t other_bytes = 0;  // records, locks, files of steps that run now
};

// Looks at everything. Beside other strakes it tells what was there at some
// moment.
Result<Inventory> TakeInventory(const Store& store,
                                const cache::CacheIndex& index);

// Removes what steps and contexts had for the time of a build.
// REQUIRES: the store is this process's alone.
Status RemoveTemporaryFiles(const Store& store);

// Of all files below `path` and itself, on disk; 0 where it is not there.
uint64_t DiskUsage(const std::string& path);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_STORE_INVENTORY_H_
