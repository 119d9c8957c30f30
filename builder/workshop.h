// What the steps of one build are carried out with.

#ifndef STRAKE_BUILDER_WORKSHOP_H_
#define STRAKE_BUILDER_WORKSHOP_H_

#include <memory>
#include <optional>
#include <vector>

#include "builder/build.h"
#include "builder/cache/cache_index.h"
#include "builder/cache/imported_cache.h"
#include "builder/cache/stat_cache.h"
#include "builder/context/build_context.h"
#include "builder/context/http_source.h"
#include "builder/context/image_source.h"
#include "builder/context/secrets.h"
#include "builder/progress_reporter.h"
#include "builder/solve/solver.h"
#include "builder/step_backends.h"
#include "builder/store.h"
#include "oci/image_config.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::builder {

// Holds everything that `environment` and `services` borrow, so it is neither
// copied nor moved.
struct Workshop {
  Workshop(const BuildOptions& options, const Store& store,
           StepBackends backends, cache::CacheIndex index,
           std::unique_ptr<cache::StatCache> stat_cache,
           const context::ContextMap& contexts,
           const context::ImageSource& images, const registry::Client& client,
           ProgressReporter& progress)
      : snapshots(std::move(backends.snapshots)),
        sandbox(std::move(backends.sandbox)),
        index(std::move(index)),
        imported(client, store.blobs(), options.stop),
        stat_cache(std::move(stat_cache)),
        http(options.registry, store.blobs(), secrets, store.fetched_path()),
        environment{*snapshots.snapshotter,
                    *sandbox.sandbox,
                    contexts,
                    secrets,
                    store.blobs(),
                    http,
                    store.temporary_directory(),
                    store.mounts_directory(),
                    {}},
        services{environment,
                 store.blobs(),
                 this->index,
                 imported,
                 *this->stat_cache,
                 [&images](const plan::ImageOp& image,
                           const std::vector<oci::Descriptor>& layers,
                           uint64_t step) {
                   return images.FetchLayers(image.reference, layers, step);
                 },
                 progress} {}
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  snapshot::SnapshotterChoice snapshots;
  sandbox::SandboxChoice sandbox;
  cache::CacheIndex index;
  cache::ImportedCache imported;
  std::unique_ptr<cache::StatCache> stat_cache;
  context::Secrets secrets;
  context::HttpSource http;
  ops::ExecuteEnvironment environment;
  solve::SolveServices services;
  Guarded<std::vector<solve::DamagedResult>> damaged;
};

// Everything is borrowed.
//   epoch  SOURCE_DATE_EPOCH
Result<std::unique_ptr<Workshop>> OpenWorkshop(
    const BuildOptions& options, const Store& store,
    const context::ContextMap& contexts, const context::ImageSource& images,
    const registry::Client& client, const std::optional<oci::Timestamp>& epoch,
    ProgressReporter& progress);

// Reads the caches that `options` names into the index. One that cannot be read
// is a warning.
void ImportCaches(const BuildOptions& options, Workshop& workshop,
                  ProgressReporter& progress);

// Forgets the results that turned out to be damaged since the last call, with a
// warning for each. Whether there were any: then the build is to be done again.
Result<bool> ForgetDamaged(Workshop& workshop, const Store& store,
                           ProgressReporter& progress);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_WORKSHOP_H_
