// Everything that solving needs, in a scratch directory: a plain snapshotter,
// a blob store, a cache that survives from one `Solve` to the next.

#ifndef STRAKE_TESTS_BUILDER_SOLVE_WORKSHOP_H_
#define STRAKE_TESTS_BUILDER_SOLVE_WORKSHOP_H_

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/cache/cache_index.h"
#include "builder/cache/imported_cache.h"
#include "builder/cache/stat_cache.h"
#include "builder/context/build_context.h"
#include "builder/context/http_source.h"
#include "builder/context/secrets.h"
#include "builder/ops/execute_op.h"
#include "builder/plan/build_graph.h"
#include "builder/progress_reporter.h"
#include "builder/snapshot/probe_snapshotter.h"
#include "builder/solve/solver.h"
#include "oci/blob_store.h"
#include "oci/image_layout.h"
#include "registry/client.h"
#include "tests/builder/solve/fake_sandbox.h"
#include "tests/support/temp_dir.h"

namespace strake::testing {

// Keeps what happened, by step name.
class EventLog final : public builder::ProgressSink {
 public:
  void OnEvent(const builder::ProgressEvent& event) override {
    using Kind = builder::ProgressEvent::Kind;
    if (!event.name.empty()) names_[event.step] = event.name;
    if (event.kind == Kind::kLog) log += event.text;
    for (auto [kind, word] : {std::pair(Kind::kStepCached, "cached"),
                              {Kind::kStepDone, "done"},
                              {Kind::kStepFailed, "failed"},
                              {Kind::kStepCancelled, "cancelled"}}) {
      if (event.kind == kind) ended[names_[event.step]] = word;
    }
  }
  std::map<std::string, std::string> ended;  // step name: how
  std::string log;

 private:
  std::map<uint64_t, std::string> names_;
};

class Workshop {
 public:
  Workshop()
      : layout(*oci::ImageLayout::Open(dir.path("store"),
                                       oci::ImageLayout::OpenMode::kCreate)),
        blobs(layout.blobs()),
        http_({}, blobs, secrets_, dir.path("fetched")) {
    dir.MakeDir("mounts");
    dir.MakeDir("tmp");
    dir.MakeDir("context");
    using builder::snapshot::OwnershipForm;
    auto opened = builder::snapshot::OpenSnapshotter(
        dir.path("snapshots"), "plain",
        ::geteuid() == 0 ? OwnershipForm::kReal : OwnershipForm::kJournal);
    EXPECT_TRUE(opened) << opened.error().message();
    snapshots = std::move(opened->snapshotter);
  }

  // Solves with what earlier calls left in the cache.
  Result<builder::solve::SolveResult> Solve(
      const builder::plan::BuildGraph& graph,
      builder::solve::SolveOptions options = {}) {
    auto index = builder::cache::CacheIndex::Open(dir.path("index"));
    EXPECT_TRUE(index);
    builder::cache::StatCache stat_cache;
    events = EventLog();
    builder::ProgressReporter progress(&events);
    auto context = builder::context::OpenLocalContext(dir.path("context"));
    EXPECT_TRUE(context);
    builder::context::ContextMap contexts;
    contexts.emplace("", *std::move(context));
    registry::Client client({});
    builder::cache::ImportedCache imported(client, blobs, {});
    builder::ops::ExecuteEnvironment environment{
        *snapshots, sandbox,         contexts,           secrets_, blobs,
        http_,      dir.path("tmp"), dir.path("mounts"), {}};
    builder::solve::SolveServices services{
        environment,
        blobs,
        *index,
        imported,
        stat_cache,
        [](const auto&, const auto&, uint64_t) -> Status {
          return Internal("no layer is to be fetched");
        },
        progress};
    failure.reset();
    return builder::solve::Solve(graph, services, options, &failure);
  }

  // The content of `path` in a snapshot.
  std::string Read(const builder::snapshot::SnapshotId& id,
                   const std::string& path) {
    auto root = snapshots->View(id);
    if (!root) return "(no snapshot " + id + ")";
    std::ifstream file(root->path + path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  void RemoveSnapshots() {
    auto ids = snapshots->List();
    ASSERT_TRUE(ids);
    // Those on top go first; which those are shows in the answers.
    for (size_t round = 0; round < ids->size(); ++round) {
      for (const auto& id : *ids) (void)snapshots->Remove(id).has_value();
    }
    ids = snapshots->List();
    ASSERT_TRUE(ids && ids->empty());
  }

  TempDir dir;
  oci::ImageLayout layout;
  const oci::BlobStore& blobs;
  std::unique_ptr<builder::snapshot::Snapshotter> snapshots;
  FakeSandbox sandbox;
  EventLog events;  // of the last `Solve`
  std::optional<builder::solve::SolveFailure> failure;

 private:
  builder::context::Secrets secrets_;
  builder::context::HttpSource http_;
};

// Builds graphs of scratch, RUN and COPY by hand.
class GraphMaker {
 public:
  using VertexId = builder::plan::VertexId;

  VertexId Scratch() { return Add(builder::plan::ScratchOp{}, {}, "scratch"); }
  VertexId Run(VertexId on, std::vector<std::string> argv) {
    builder::plan::RunOp op;
    op.argv = std::move(argv);
    op.cwd = "/";
    std::string name;
    for (const std::string& arg : op.argv) {
      name += (name.empty() ? "" : " ") + arg;
    }
    return Add(std::move(op), {on}, name);
  }
  // COPY --from=`from` PATH PATH, for several sources.
  VertexId CopyFrom(VertexId on, const std::vector<VertexId>& from,
                    const std::string& path, bool link = false) {
    builder::plan::CopyOp op;
    std::vector<VertexId> inputs = {on};
    for (VertexId id : from) {
      builder::plan::CopySource source;
      source.kind = builder::plan::CopySource::Kind::kInput;
      source.input = inputs.size();
      source.pattern = path.substr(1) + std::to_string(inputs.size());
      if (from.size() == 1) source.pattern = path.substr(1);
      op.sources.push_back(std::move(source));
      inputs.push_back(id);
    }
    op.destination = from.size() == 1 ? path : "/";
    op.link = link;
    return Add(std::move(op), std::move(inputs), "COPY --from " + path);
  }
  VertexId CopyFile(VertexId on, const std::string& pattern) {
    builder::plan::CopyOp op;
    op.sources.emplace_back();
    op.sources[0].pattern = pattern;
    op.destination = "/";
    return Add(std::move(op), {on}, "COPY " + pattern);
  }
  VertexId Merge(VertexId below, VertexId copied) {
    return Add(builder::plan::MergeOp{}, {below, copied}, "merge");
  }

  // The graph whose image has these layers and ends in the last of them.
  const builder::plan::BuildGraph& Finish(std::vector<VertexId> layers) {
    return Finish(layers, layers.back());
  }
  const builder::plan::BuildGraph& Finish(std::vector<VertexId> layers,
                                          VertexId state) {
    graph_.targets.resize(1);
    graph_.targets[0].layers = std::move(layers);
    graph_.targets[0].state = state;
    return graph_;
  }

 private:
  VertexId Add(builder::plan::Op op, std::vector<VertexId> inputs,
               std::string name) {
    builder::plan::Vertex vertex;
    vertex.op = std::move(op);
    vertex.inputs = std::move(inputs);
    vertex.name = std::move(name);
    return graph_.Add(std::move(vertex));
  }
  builder::plan::BuildGraph graph_;
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_BUILDER_SOLVE_WORKSHOP_H_
