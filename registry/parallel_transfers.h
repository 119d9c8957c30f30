// Several blobs at once.

#ifndef STRAKE_REGISTRY_PARALLEL_TRANSFERS_H_
#define STRAKE_REGISTRY_PARALLEL_TRANSFERS_H_

#include <cstddef>
#include <functional>
#include <stop_token>

#include "util/result.h"

namespace strake::registry {

// Calls `transfer(i, stop)` for each i below `count`, in order of i, at most
// `jobs` at a time, on threads of its own (on the caller's where one is
// enough), and returns when all have returned. The first failure asks the
// others to stop, through the token that they were given, and is returned; so
// does a request of `stop`, which gives `kCancelled`.
Status RunTransfers(
    size_t count, unsigned jobs, std::stop_token stop,
    const std::function<Status(size_t i, std::stop_token)>& transfer);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_PARALLEL_TRANSFERS_H_
