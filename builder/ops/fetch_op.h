// Carries out ADD from the web: fetching a file or a git tree into an empty
// state, from which a copy takes it.

#ifndef STRAKE_BUILDER_OPS_FETCH_OP_H_
#define STRAKE_BUILDER_OPS_FETCH_OP_H_

#include <functional>
#include <stop_token>

#include "builder/ops/copy_op.h"
#include "builder/ops/execute_op.h"
#include "builder/plan/op.h"
#include "util/result.h"

namespace strake::builder::ops {

// What the operation fetches is pinned first, since that is what its result is
// known by: a file by its digest (it is in the store then), a tree by its
// commit. Asks the server; `on_bytes` is told of a download.
Result<plan::FetchOp> PinFetch(
    const plan::FetchOp& op, const ExecuteEnvironment& environment,
    const std::function<void(uint64_t current, uint64_t total)>& on_bytes,
    std::stop_token stop);
Result<plan::GitOp> PinGit(const plan::GitOp& op,
                           const ExecuteEnvironment& environment,
                           std::stop_token stop);

// REQUIRES: `op` is pinned. A file has mode 0600 and its Last-Modified time.
Status ExecuteFetch(const plan::FetchOp& op,
                    const ExecuteEnvironment& environment,
                    const WriteTarget& target, std::stop_token stop);
//   on_warning  may be null
Status ExecuteGit(const plan::GitOp& op, const ExecuteEnvironment& environment,
                  const WriteTarget& target,
                  const std::function<void(std::string_view)>& on_warning,
                  std::stop_token stop);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_FETCH_OP_H_
