#include "builder/solve/solver.h"

#include <algorithm>
#include <deque>
#include <future>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "builder/solve/layer_form.h"
#include "builder/solve/needs_files.h"
#include "builder/solve/solving.h"
#include "builder/solve/vertex_kind.h"
#include "util/result_macros.h"

namespace strake::builder::solve {
namespace {

using plan::CopyOp;
using plan::ImageOp;
using plan::Vertex;
using plan::VertexId;
using snapshot::SnapshotId;

// By vertex, whether it has to be executed whatever the cache knows: for its
// own sake, or since it is made of such a state. A copy out of one is not: what
// counts for it are the files that it finds there.
std::vector<bool> FindStale(const plan::BuildGraph& graph, bool no_cache) {
  std::vector<bool> stale;
  for (const Vertex& vertex : graph.vertices()) {
    const auto* copy = std::get_if<CopyOp>(&vertex.op);
    const bool by_content = copy != nullptr && CopiesFromInputsOnly(*copy);
    const auto inputs =
        by_content ? std::span(vertex.inputs).first(1) : vertex.inputs;
    stale.push_back(
        (IsStep(vertex) && (no_cache || vertex.no_cache)) ||
        std::ranges::any_of(inputs, [&](VertexId id) { return stale[id]; }));
  }
  return stale;
}

std::vector<bool> FindLayersOfTargets(const plan::BuildGraph& graph) {
  std::vector<bool> found(graph.vertices().size());
  for (const plan::TargetImage& target : graph.targets) {
    for (VertexId id : target.layers) found[id] = true;
  }
  return found;
}

}  // namespace

Solving::Solving(const plan::BuildGraph& graph, const SolveServices& services,
                 const SolveOptions& options)
    : graph_(graph),
      services_(services),
      options_(options),
      form_(LayerForm(options)),
      slots_(std::max(1, options.jobs)),
      forks_(std::max(8, 4 * options.jobs)),
      states_(graph.vertices().size()),
      stale_(FindStale(graph, options.no_cache)),
      needs_files_(FindNeedsFiles(graph, options.need_root)),
      uses_(FindUses(graph)),
      is_of_target_(FindLayersOfTargets(graph)),
      forward_stop_(options.stop, [this] { stop_.request_stop(); }) {}

Result<SolveResult> Solving::Run(std::optional<SolveFailure>* failure) {
  auto result = Collect();
  if (!result) {
    std::lock_guard lock(failure_mutex_);
    if (failure != nullptr) *failure = failure_;
    // Others were cancelled because of the first failure: that one counts.
    if (failure_) return failure_->error;
  }
  return result;
}

Result<SolveResult> Solving::Collect() {
  std::deque<PendingImage> pending;
  for (const plan::TargetImage& target : graph_.targets) {
    pending.push_back(StartImage(target));
  }
  SolveResult result;
  Status failed;
  for (PendingImage& image : pending) {
    auto finished = FinishImage(image);
    if (finished) {
      result.images.push_back(*std::move(finished));
    } else if (failed) {
      failed = std::move(finished).error();
    }
  }
  if (!failed) return std::move(failed).error();
  result.executed = executed_;
  result.cached = cached_;
  collecting_ = true;
  for (size_t i = 0; options_.collect_of_images && i < result.images.size();
       ++i) {
    ASSIGN_OR_RETURN(
        result.images[i].cache,
        CollectCache(std::span(graph_.targets).subspan(i, 1), false));
  }
  if (options_.collect_of_layers) {
    ASSIGN_OR_RETURN(result.cache_of_layers,
                     CollectCache(graph_.targets, false));
  }
  if (options_.collect_all) {
    ASSIGN_OR_RETURN(result.cache_of_all, CollectCache(graph_.targets, true));
  }
  return result;
}

Solving::PendingImage Solving::StartImage(const plan::TargetImage& target) {
  PendingImage pending;
  for (VertexId id : target.layers) {
    bool is_base = std::holds_alternative<ImageOp>(graph_.vertex(id).op);
    if (is_base || !options_.need_layers) continue;
    pending.layers.push_back(forks_.Start([this, id] { return Layer(id); }));
  }
  if (options_.need_root) {
    pending.root =
        forks_.Start([this, id = target.state] { return Snapshot(id); });
  }
  return pending;
}

Result<SolvedImage> Solving::FinishImage(PendingImage& pending) {
  SolvedImage image;
  Status failed;
  auto take = [&](auto answer, auto&& keep) {
    if (answer) {
      keep(*std::move(answer));
    } else if (failed) {
      failed = std::move(answer).error();
    }
  };
  if (pending.root.valid()) {
    take(pending.root.get(),
         [&](SnapshotId root) { image.root = std::move(root); });
  }
  for (auto& layer : pending.layers) {
    take(layer.get(), [&](SolvedLayer solved) {
      image.layers.push_back(std::move(solved));
    });
  }
  if (!failed) return std::move(failed).error();
  return image;
}

Error Solving::Fail(VertexId id, Error error) {
  std::lock_guard lock(failure_mutex_);
  if (!failure_) {
    failure_.emplace(SolveFailure{id, error});
    stop_.request_stop();
  }
  return error;
}

Result<SolveResult> Solve(const plan::BuildGraph& graph,
                          const SolveServices& services,
                          const SolveOptions& options,
                          std::optional<SolveFailure>* failure) {
  return Solving(graph, services, options).Run(failure);
}

}  // namespace strake::builder::solve
