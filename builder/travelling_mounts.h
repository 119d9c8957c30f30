// The cache mounts of a build on their way to other machines and back.

#ifndef STRAKE_BUILDER_TRAVELLING_MOUNTS_H_
#define STRAKE_BUILDER_TRAVELLING_MOUNTS_H_

#include "builder/cache_spec.h"
#include "builder/plan/build_graph.h"
#include "builder/progress_reporter.h"
#include "builder/store.h"
#include "builder/workshop.h"
#include "util/result.h"

namespace strake::builder {

// Lets steps that are executed find what an imported cache has of their mounts.
// REQUIRES: `workshop` and `store` outlive its steps.
void RestoreMountsFromCaches(const Store& store, Workshop& workshop,
                             ProgressReporter& progress);

// Adds to `cache` the mounts of the graph's steps: packed from the store, or
// where no step was executed, as they were imported. Waits for other builds'
// steps that use one. What is too large is left out with a warning.
void AddMounts(const CacheExport& spec, const plan::BuildGraph& graph,
               const Store& store, Workshop& workshop,
               ProgressReporter& progress, cache::PortableCache& cache);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_TRAVELLING_MOUNTS_H_
