#include "builder/prune.h"

#include <algorithm>
#include <set>
#include <utility>

#include "builder/store_inventory.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

using Kind = CacheEntry::Kind;

// By entry, whether it is to go.
using Choice = std::vector<bool>;

void ChooseOld(const Inventory& inventory, std::chrono::seconds older_than,
               Choice& chosen) {
  const oci::Timestamp limit = std::chrono::system_clock::now() - older_than;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (inventory.entries[i].shown.last_used < limit) chosen[i] = true;
  }
}

void ChooseUntilSmall(const Inventory& inventory, uint64_t keep_bytes,
                      Choice& chosen) {
  std::vector<size_t> rest;
  uint64_t size_bytes = 0;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) continue;
    rest.push_back(i);
    size_bytes += inventory.entries[i].shown.size_bytes;
  }
  // Of two that were used at once, what is on top of the other goes first.
  auto depth = [&](size_t i) {
    size_t parents = 0;
    for (size_t place : inventory.entries[i].snapshots) {
      parents = std::max(parents, inventory.snapshots[place].parents.size());
    }
    return parents;
  };
  std::ranges::sort(rest, [&](size_t a, size_t b) {
    const auto& first = inventory.entries[a].shown;
    const auto& second = inventory.entries[b].shown;
    if (first.last_used != second.last_used) {
      return first.last_used < second.last_used;
    }
    return depth(a) > depth(b);
  });
  for (size_t i : rest) {
    if (size_bytes <= keep_bytes) break;
    chosen[i] = true;
    size_bytes -= inventory.entries[i].shown.size_bytes;
  }
}

// A state on which another is made that stays has to stay, too.
void KeepParents(const Inventory& inventory, Choice& chosen) {
  std::set<std::pair<size_t, snapshot::SnapshotId>> needed;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (chosen[i]) continue;
    for (size_t place : inventory.entries[i].snapshots) {
      const StoredSnapshot& stored = inventory.snapshots[place];
      for (const auto& parent : stored.parents) {
        needed.insert({stored.kind, parent});
      }
    }
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    for (size_t place : inventory.entries[i].snapshots) {
      const StoredSnapshot& stored = inventory.snapshots[place];
      if (needed.contains({stored.kind, stored.id})) chosen[i] = false;
    }
  }
}

Choice Choose(const Inventory& inventory, const PruneOptions& options) {
  Choice chosen;
  for (const InventoryEntry& entry : inventory.entries) {
    chosen.push_back(options.all || entry.shown.kind == Kind::kUnused);
  }
  if (options.older_than) ChooseOld(inventory, *options.older_than, chosen);
  if (options.keep_bytes) {
    ChooseUntilSmall(inventory, *options.keep_bytes, chosen);
  }
  KeepParents(inventory, chosen);
  return chosen;
}

// Those on top go first.
Status RemoveSnapshots(const Inventory& inventory,
                       std::vector<size_t> snapshots) {
  std::ranges::sort(snapshots, std::greater(), [&](size_t place) {
    return inventory.snapshots[place].parents.size();
  });
  for (size_t place : snapshots) {
    const StoredSnapshot& stored = inventory.snapshots[place];
    RETURN_IF_ERROR(inventory.kinds[stored.kind]->Remove(stored.id));
  }
  return {};
}

// REQUIRES: the store is this process's alone.
Status RemoveFiles(const Store& store, const Inventory& inventory,
                   const Choice& chosen) {
  std::vector<size_t> snapshots;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (!chosen[i]) continue;
    const InventoryEntry& entry = inventory.entries[i];
    snapshots.insert(snapshots.end(), entry.snapshots.begin(),
                     entry.snapshots.end());
    for (const oci::Digest& blob : entry.blobs) {
      RETURN_IF_ERROR(store.blobs().Remove(blob));
    }
    for (const std::string& path : entry.paths) {
      RETURN_IF_ERROR(RemoveAllAtPath(path));
    }
  }
  RETURN_IF_ERROR(RemoveSnapshots(inventory, std::move(snapshots)));
  for (const auto& kind : inventory.kinds) {
    RETURN_IF_ERROR(kind->RemoveAbandoned());
  }
  RETURN_IF_ERROR(store.blobs().RemoveAbandonedIngests());
  RETURN_IF_ERROR(RemoveTemporaryFiles(store));
  return store.ForgetGarbage();
}

}  // namespace

Result<PruneResult> PruneCache(const std::string& store_directory,
                               const PruneOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  ASSIGN_OR_RETURN(const bool alone, store.OwnAlone());
  ASSIGN_OR_RETURN(cache::CacheIndex index,
                   cache::CacheIndex::Open(store.cache_index_path()));
  ASSIGN_OR_RETURN(Inventory inventory, TakeInventory(store, index));
  if (!inventory.unread_documents.empty()) {
    return Error(ErrorCode::kIo,
                 "nothing is removed, for what images need is not known: " +
                     Join(inventory.unread_documents, "; "));
  }
  const Choice chosen = Choose(inventory, options);
  PruneResult result;
  std::set<oci::Digest> keys;
  for (size_t i = 0; i < chosen.size(); ++i) {
    if (!chosen[i]) continue;
    const InventoryEntry& entry = inventory.entries[i];
    result.removed.push_back(entry.shown);
    result.freed_bytes += entry.shown.size_bytes;
    if (entry.key) keys.insert(*entry.key);
  }
  if (options.dry_run) return result;
  // First nothing leads there; then it goes. Killed in between, the files are
  // unused ones.
  RETURN_IF_ERROR(index.Forget(keys));
  if (!alone) {
    result.files_kept = !result.removed.empty();
    result.freed_bytes = 0;
    return result;
  }
  RETURN_IF_ERROR(RemoveFiles(store, inventory, chosen));
  return result;
}

}  // namespace strake::builder
