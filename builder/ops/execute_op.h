// Carries out one operation: a new state on top of its inputs'.
//
// The one switch over operations after `plan`, beside the cache's. Knows
// nothing of keys, caches or layers: a result is an active snapshot, to be
// committed or dropped by the caller.

#ifndef STRAKE_BUILDER_OPS_EXECUTE_OP_H_
#define STRAKE_BUILDER_OPS_EXECUTE_OP_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "builder/context/build_context.h"
#include "builder/context/copy_inputs.h"
#include "builder/context/http_source.h"
#include "builder/context/secrets.h"
#include "builder/ops/borrowed_content.h"
#include "builder/plan/op.h"
#include "builder/sandbox/sandbox.h"
#include "builder/snapshot/snapshotter.h"
#include "oci/blob_store.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::builder::ops {

// What operations work with; all borrowed, all safe to share by threads.
struct ExecuteEnvironment {
  snapshot::Snapshotter& snapshotter;
  sandbox::Sandbox& sandbox;
  const context::ContextMap& contexts;
  const context::Secrets& secrets;
  const oci::BlobStore& blobs;
  context::HttpSource& http;
  // Where files may be put that are gone when the operation ends.
  std::string temporary_directory;
  // Where `RUN --mount=type=cache` folders live.
  std::string cache_mounts_directory;
  // SOURCE_DATE_EPOCH, where it concerns the times of files.
  std::optional<std::chrono::nanoseconds> epoch;
  // Fills a new cache folder, open as `folder` and empty, by what another
  // machine left under its `name`; whether there was anything. May be empty.
  std::function<Result<bool>(const std::string& name, int folder,
                             const oci::LayerApplyOptions& options)>
      restore_cache_mount = {};
  // Warnings that hold for every step alike, once one has given them.
  std::shared_ptr<Guarded<std::set<std::string>>> warned =
      std::make_shared<Guarded<std::set<std::string>>>();
};

struct ExecuteRequest {
  const plan::Op& op;
  std::vector<snapshot::SnapshotId> inputs;  // committed, as the op's inputs
  sandbox::OutputCallback on_output;         // of RUN
  std::function<void(uint64_t)> on_bytes;    // of copies; increments
  std::function<void(std::string_view)> on_warning;
  std::stop_token stop;
  // As `CopyEnvironment` has it.
  BorrowedContent* borrowed = nullptr;
};

// REQUIRES: the operation is no ImageOp (`image_op.h` unpacks those).
// Errors: `kCommandFailed` (RUN; the message is BuildKit's), and those of
// copies, sandboxes and snapshotters.
Result<std::unique_ptr<snapshot::ActiveSnapshot>> ExecuteOp(
    const ExecuteRequest& request, const ExecuteEnvironment& environment);

// A committed snapshot, open to be copied out of. Keep it while `tree` is used.
struct OpenSource {
  snapshot::MountedRoot root;
  OwnershipJournal journal;
  context::SourceTree tree() const;
};
Result<OpenSource> OpenSnapshot(snapshot::Snapshotter& snapshotter,
                                const snapshot::SnapshotId& id);

// The trees that a copy's sources name.
//   opened  receives what must stay open while they are used
Result<context::CopyInputs> OpenCopyInputs(
    const plan::CopyOp& op, const std::vector<snapshot::SnapshotId>& inputs,
    const context::ContextMap& contexts, snapshot::Snapshotter& snapshotter,
    std::vector<std::unique_ptr<OpenSource>>& opened);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_EXECUTE_OP_H_
