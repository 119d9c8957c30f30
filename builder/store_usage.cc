#include "builder/store_usage.h"

#include <algorithm>
#include <utility>

#include "builder/store_inventory.h"
#include "util/result_macros.h"

namespace strake::builder {

std::string_view KindName(CacheEntry::Kind kind) {
  static constexpr std::string_view kNames[] = {"step", "base", "mount",
                                                "fetch", "unused"};
  return kNames[static_cast<int>(kind)];
}

Result<std::vector<CacheEntry>> ListCache(const std::string& store_directory) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  ASSIGN_OR_RETURN(cache::CacheIndex index,
                   cache::CacheIndex::Open(store.cache_index_path()));
  ASSIGN_OR_RETURN(Inventory inventory, TakeInventory(store, index));
  std::vector<CacheEntry> entries;
  for (InventoryEntry& entry : inventory.entries) {
    entries.push_back(std::move(entry.shown));
  }
  std::ranges::stable_sort(entries, std::greater(), &CacheEntry::last_used);
  return entries;
}

Result<StoreUsage> MeasureStore(const std::string& store_directory) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  ASSIGN_OR_RETURN(cache::CacheIndex index,
                   cache::CacheIndex::Open(store.cache_index_path()));
  ASSIGN_OR_RETURN(Inventory inventory, TakeInventory(store, index));
  StoreUsage usage;
  StoreUsage::Kind images{"images", inventory.image_count, 0, 0};
  for (const auto& [digest, size_bytes] : inventory.of_images) {
    images.size_bytes += size_bytes;
  }
  usage.kinds.push_back(std::move(images));
  using Kind = CacheEntry::Kind;
  for (Kind kind :
       {Kind::kStep, Kind::kBase, Kind::kMount, Kind::kFetch, Kind::kUnused}) {
    StoreUsage::Kind sum{std::string(KindName(kind)), 0, 0, 0};
    for (const InventoryEntry& entry : inventory.entries) {
      if (entry.shown.kind != kind) continue;
      ++sum.count;
      sum.size_bytes += entry.shown.size_bytes;
    }
    sum.reclaimable_bytes = sum.size_bytes;
    usage.kinds.push_back(std::move(sum));
  }
  usage.kinds.push_back({"other", 0, inventory.other_bytes, 0});
  for (const StoreUsage::Kind& kind : usage.kinds) {
    usage.total_bytes += kind.size_bytes;
  }
  return usage;
}

}  // namespace strake::builder
