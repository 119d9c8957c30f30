// Which vertex next: looks each one up, else executes and records it.
//
// Works backwards from what the outputs need, so that a vertex whose result
// nobody reads is not even looked at, a base whose files nobody reads is not
// unpacked, and a build whose steps are all cached executes nothing. Inputs of
// one vertex are worked out in parallel; `jobs` bounds how many operations run
// at once. Results never depend on which of them ends first.

#ifndef STRAKE_BUILDER_SOLVE_SOLVER_H_
#define STRAKE_BUILDER_SOLVE_SOLVER_H_

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/cache/cache_index.h"
#include "builder/cache/explain.h"
#include "builder/cache/imported_cache.h"
#include "builder/cache/portable_cache.h"
#include "builder/cache/stat_cache.h"
#include "builder/ops/execute_op.h"
#include "builder/plan/build_graph.h"
#include "builder/progress_reporter.h"
#include "builder/solve/shared_steps.h"
#include "oci/blob_store.h"
#include "oci/compressor.h"
#include "oci/image_config.h"
#include "oci/layer_blob.h"
#include "util/result.h"

namespace strake::builder::solve {

// A result in the store that turned out to be of no use.
struct DamagedResult {
  oci::Digest key;
  std::string step;
  oci::Digest layer;  // the blob
  Error reason;
};

// All borrowed.
struct SolveServices {
  const ops::ExecuteEnvironment& environment;
  const oci::BlobStore& blobs;
  cache::CacheIndex& index;
  const cache::ImportedCache& imported;
  cache::StatCache& stat_cache;
  // Brings layers of a base image into the store; `step` is its progress.
  std::function<Status(const plan::ImageOp& image,
                       const std::vector<oci::Descriptor>& layers,
                       uint64_t step)>
      fetch_layers;
  ProgressReporter& progress;
  cache::StepHistory* history = nullptr;  // may be null; follows the graph
  SharedSteps* shared = nullptr;  // with builds at the same time; may be null
  // Called from any thread, before a solve fails for that: it is to be done
  // again without this result. May be null.
  std::function<void(const DamagedResult&)> on_damaged = {};
};

struct SolveOptions {
  bool no_cache = false;  // every step; a vertex may say so for itself
  bool explain = false;   // why a step is executed, in its log
  int jobs = 1;
  oci::CompressionOptions compression;
  oci::LayerWriteOptions layers;
  // What the outputs need.
  bool need_layers = true;
  bool need_blobs = true;  // in the store, also those that a cache offers
  bool need_root = false;
  // What the results are to tell for caches that travel.
  bool collect_of_images = false;
  bool collect_of_layers = false;
  bool collect_all = false;
  // Asked for each layer of a target that is made, from any thread: who wants
  // to be told of it while it is written; null: nobody. May be empty.
  std::function<std::unique_ptr<oci::BlobObserver>()> observe_layer = {};
  std::stop_token stop;
};

// A layer of the image, and when the step that made it ran.
struct SolvedLayer {
  oci::LayerBlob blob;
  oci::Timestamp created;
};

struct SolvedImage {
  // Of the target's layer vertices, the base image aside; empty unless needed.
  std::vector<SolvedLayer> layers;
  // The root file system; empty unless needed.
  snapshot::SnapshotId root;
  // The steps that its layers come from; empty unless collected.
  cache::PortableCache cache;
};

struct SolveResult {
  std::vector<SolvedImage> images;  // as the graph's targets
  // Empty unless collected: the steps that all targets' layers come from, and
  // all that are known, those of other stages included.
  cache::PortableCache cache_of_layers;
  cache::PortableCache cache_of_all;
  int executed = 0;  // RUN, COPY, ADD and WORKDIR steps
  int cached = 0;
};

// A step that failed: where, and with what.
struct SolveFailure {
  std::optional<plan::VertexId> vertex;
  Error error;
};

// On failure all other work is stopped and ended before this returns, and
// `failure`, if given, says which vertex it was.
Result<SolveResult> Solve(const plan::BuildGraph& graph,
                          const SolveServices& services,
                          const SolveOptions& options,
                          std::optional<SolveFailure>* failure = nullptr);

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_SOLVER_H_
