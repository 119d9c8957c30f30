// Removes from a store what builds can make again: `strake cache prune`.
//
// A build that goes on meanwhile is never broken: it may rely on all that it
// has seen. What is pruned then is only forgotten, so that no later build
// counts on it, and removed by the first prune that has the store to itself.

#ifndef STRAKE_BUILDER_PRUNE_H_
#define STRAKE_BUILDER_PRUNE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builder/store_usage.h"
#include "util/result.h"

namespace strake::builder {

// Whatever is asked for, what nothing leads to goes.
struct PruneOptions {
  bool all = false;  // everything but images
  // What was not used for so long.
  std::optional<std::chrono::seconds> older_than;
  // What was not used for longest, until the cache takes no more than this.
  std::optional<uint64_t> keep_bytes;
  bool dry_run = false;  // only say what would go
};

struct PruneResult {
  std::vector<CacheEntry> removed;
  uint64_t freed_bytes = 0;
  // Other strakes are using the store: the files stay until a later prune.
  bool files_kept = false;
};

Result<PruneResult> PruneCache(const std::string& store_directory,
                               const PruneOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_PRUNE_H_
