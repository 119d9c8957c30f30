// A part of a `CacheIndex` that can be carried to another machine.
//
// The states in it are not named at random, as those of a store, but by their
// chain ID (image-spec config.md), as the states of base images are: hex, or ""
// for an empty root file system. Equal states so have equal names wherever they
// were made.

#ifndef STRAKE_BUILDER_CACHE_PORTABLE_CACHE_H_
#define STRAKE_BUILDER_CACHE_PORTABLE_CACHE_H_

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/cache/cache_index.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/layer_blob.h"
#include "util/result.h"

namespace strake::builder::cache {

inline constexpr std::string_view kMediaTypeCacheConfig =
    "application/vnd.strake.cache.config.v1+json";
inline constexpr std::string_view kCacheArtifactType =
    "application/vnd.strake.cache.v1";
// The member of an image's configuration that holds an inline cache.
inline constexpr std::string_view kInlineCacheMember = "strake.cache.v1";

inline constexpr std::string_view kMediaTypeMountPiece =
    "application/vnd.strake.cache.mount.v1.tar+zstd";

// A folder of RUN --mount=type=cache: its tar in pieces, each compressed.
struct PortableMount {
  std::vector<oci::Descriptor> pieces;
  uint64_t size_bytes = 0;  // of the tar
  friend bool operator==(const PortableMount&, const PortableMount&) = default;
};

struct PortableCache {
  std::map<oci::Digest, CacheRecord> records;
  std::map<oci::Digest, oci::Digest> aliases;
  // By state and form (`CacheIndex::FindLayer`).
  std::map<std::pair<std::string, std::string>, oci::LayerBlob> layers;
  // By the name of the folder in a store.
  std::map<std::string, PortableMount> mounts;
  friend bool operator==(const PortableCache&, const PortableCache&) = default;
};

// Compact JSON; equal caches give equal text.
std::string SerializePortableCache(const PortableCache& cache);
// `kInvalidArgument` with the JSON path of what is missing or wrong, `kCorrupt`
// where a state has another name than its chain ID: nothing of a damaged or
// false cache is used. Left out is what cannot be told to be true: a record
// whose state has no layer here, a layer of no record's state.
Result<PortableCache> ParsePortableCache(std::string_view json);

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_PORTABLE_CACHE_H_
