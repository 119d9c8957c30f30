// What a store holds and how large it is: `strake du` and `strake cache ls`.

#ifndef STRAKE_BUILDER_STORE_USAGE_H_
#define STRAKE_BUILDER_STORE_USAGE_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oci/image_config.h"
#include "util/result.h"

namespace strake::builder {

// Something that a build may take from the store rather than make it.
struct CacheEntry {
  enum class Kind {
    kStep,    // the result of a step: its snapshots, and layers of no image
    kBase,    // a base image's file system, unpacked
    kMount,   // a folder of RUN --mount=type=cache
    kFetch,   // what ADD has fetched
    kUnused,  // nothing leads to it any more
  };
  Kind kind = Kind::kUnused;
  std::string id;           // hexadecimal digits; of a mount, its folder's name
  uint64_t size_bytes = 0;  // on disk
  oci::Timestamp last_used;
  std::string description;  // "[main 2/5] RUN make"; may be empty
};

// "step", "base", "mount", "fetch", "unused".
std::string_view KindName(CacheEntry::Kind kind);

// Every entry, the one used last first.
Result<std::vector<CacheEntry>> ListCache(const std::string& store_directory);

struct StoreUsage {
  struct Kind {
    std::string name;  // "images", those of `KindName`, "other"
    size_t count = 0;
    uint64_t size_bytes = 0;
    // That `PruneCache` can free: all of the cache, nothing of images.
    uint64_t reclaimable_bytes = 0;
  };
  std::vector<Kind> kinds;
  uint64_t total_bytes = 0;
};
Result<StoreUsage> MeasureStore(const std::string& store_directory);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_STORE_USAGE_H_
