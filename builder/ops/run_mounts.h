// `RUN --mount` of every kind to what a sandbox mounts.
//
// Cache folders live in the store, one by id. Each is held for the length of
// the step: by one step where it is `locked`, by any number where it is
// `shared`, and against both by who reads it as a whole; `private` ones are
// given to one step at a time and a second step gets a folder of its own.
// Secrets exist in memory only.

#ifndef STRAKE_BUILDER_OPS_RUN_MOUNTS_H_
#define STRAKE_BUILDER_OPS_RUN_MOUNTS_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/ops/cache_owners.h"
#include "builder/ops/execute_op.h"
#include "builder/plan/op.h"
#include "builder/sandbox/sandbox.h"
#include "builder/snapshot/snapshotter.h"
#include "util/atomic_file.h"
#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::ops {

// Keep it until the process has ended: it holds the mounts and the locks.
struct RunMounts {
  std::vector<sandbox::Mount> mounts;
  std::vector<std::string> secret_env;  // "NAME=value"

  std::vector<snapshot::MountedRoot> roots;
  // Writable bind mounts are thrown away with these.
  std::vector<std::unique_ptr<snapshot::ActiveSnapshot>> scratch;
  std::vector<FileLock> locks;
  // What the mounts' journals are, where owners are emulated.
  std::vector<std::unique_ptr<OwnershipJournal>> owners;
  std::vector<std::unique_ptr<CacheOwners>> cache_owners;
};

// The folder of a cache mount that begins empty, in the directory of mounts:
// that of all steps that share it. Nothing for any other mount.
std::optional<std::string> SharedCacheName(const plan::RunMount& mount);

// Keeps every step from using the cache folder `folder` (a path, as named
// above) for as long as what is returned lives. Waits for those that use it.
Result<std::vector<FileLock>> LockSharedCache(const std::string& folder);

Result<RunMounts> OpenRunMounts(const plan::RunOp& op,
                                const ExecuteRequest& request,
                                const ExecuteEnvironment& environment);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_RUN_MOUNTS_H_
