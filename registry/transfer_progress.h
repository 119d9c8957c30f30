// What a pull or a push tells while blobs move.

#ifndef STRAKE_REGISTRY_TRANSFER_PROGRESS_H_
#define STRAKE_REGISTRY_TRANSFER_PROGRESS_H_

#include <cstdint>
#include <functional>

#include "oci/digest.h"

namespace strake::registry {

enum class TransferAction {
  kPull,    // registry to store
  kPush,    // store to registry
  kMount,   // the registry links it from another of its repositories
  kExists,  // already there: nothing moves
};

struct TransferProgress {
  oci::Digest digest;
  TransferAction action = TransferAction::kPull;
  // Falls back only where a transfer had to start again.
  uint64_t current_bytes = 0;
  uint64_t total_bytes = 0;
  bool done = false;  // the last report of this blob, and it succeeded
};

// Called from the threads that transfer, several at once for different blobs,
// one at a time and in order for one blob. Must be thread-safe and quick. May
// be empty.
using ProgressCallback = std::function<void(const TransferProgress&)>;

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_TRANSFER_PROGRESS_H_
