// One call of `Solve`, at work; private to this folder.
//
// Each vertex answers three questions, each once (`Memo`):
//
//   Key       what identifies its result. A copy out of another state is keyed
//             by the files that it takes; the digest that those had last time
//             is remembered by definition key ("alias"), so that a cached copy
//             does not even need its source.
//   Snapshot  its state. Found, made again from a stored layer, or executed.
//   Layer     its changes as a blob. Found, or written from the snapshot.
//   Outline   where nobody reads files of its state: as much of it as a copy
//             onto it takes, without the base's files.
//
// A question about a vertex asks questions about its inputs, which are smaller;
// so there is no circle to wait in. Threads wait for each other's answers, but
// hold one of the `jobs` slots only while an operation is carried out.
//
// The members are defined by concept: solver.cc (what the targets need),
// step_key.cc, cache_lookup.cc, make_state.cc, restore_state.cc, make_layer.cc,
// outline_state.cc, explain_step.cc and collect_cache.cc.

#ifndef STRAKE_BUILDER_SOLVE_SOLVING_H_
#define STRAKE_BUILDER_SOLVE_SOLVING_H_

#include <atomic>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <optional>
#include <semaphore>
#include <set>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "builder/solve/forks.h"
#include "builder/solve/layer_form.h"
#include "builder/solve/memo.h"
#include "builder/solve/needs_files.h"
#include "builder/solve/solver.h"
#include "util/guarded.h"

namespace strake::builder::solve {

class Solving {
 public:
  Solving(const plan::BuildGraph& graph, const SolveServices& services,
          const SolveOptions& options);

  Result<SolveResult> Run(std::optional<SolveFailure>* failure);

 private:
  // A state of which there is an outline, and its layer where it was just made.
  struct Outlined {
    cache::CacheRecord state;
    snapshot::SnapshotId outline;
    oci::LayerBlob layer;
  };

  // What a step is carried out on.
  struct Ground {
    std::vector<snapshot::SnapshotId> inputs;
    snapshot::SnapshotId parent;  // the state below, whether it is there or not
    bool is_outline = false;      // `inputs[0]` is one
  };

  using KeyAsker = std::function<Result<oci::Digest>()>;

  struct VertexState {
    Memo<plan::Op> pinned;
    Memo<oci::Digest> key;
    Memo<bool> is_new;
    // That of a copy whose files nobody looked at yet.
    bool key_is_remembered = false;
    Memo<std::optional<cache::CacheRecord>> found;
    Memo<cache::CacheRecord> snapshot;
    Memo<std::optional<Outlined>> outline;
    Memo<SolvedLayer> layer;
    // What a copy takes, where that was looked at.
    std::optional<oci::Digest> content;
    cache::FileList files;
    // What it gave where it was executed; for when all is done.
    std::optional<cache::CacheRecord> executed;
  };

  struct PendingImage {
    std::vector<std::future<Result<SolvedLayer>>> layers;
    std::future<Result<snapshot::SnapshotId>> root;  // invalid unless needed
  };

  // The files that a copy takes.
  struct Content {
    oci::Digest digest;
    bool remembered = false;  // from an earlier build; nobody looked at them
    oci::Digest definition;   // under which they are remembered
  };

  class SlotGuard {
   public:
    explicit SlotGuard(std::counting_semaphore<>& slots) : slots_(slots) {
      slots_.acquire();
    }
    SlotGuard(const SlotGuard&) = delete;
    SlotGuard& operator=(const SlotGuard&) = delete;
    ~SlotGuard() { slots_.release(); }

   private:
    std::counting_semaphore<>& slots_;
  };

  // --- What the targets need, all at once ---

  // The layers are compressed while later steps still run: their tasks are
  // started from the bottom, and each waits for its own step only.
  Result<SolveResult> Collect();
  PendingImage StartImage(const plan::TargetImage& target);
  // Waits for all of it, also after a failure.
  Result<SolvedImage> FinishImage(PendingImage& pending);
  // The first failure is the cause; it stops everything else.
  Error Fail(plan::VertexId id, Error error);

  // --- Keys ---

  Result<oci::Digest> Key(plan::VertexId id);
  Result<oci::Digest> ComputeKey(plan::VertexId id);
  // The key of the state below and the digest of the files are worked out at
  // once: each may mean that a whole stage is executed first.
  Result<oci::Digest> CopyKey(plan::VertexId id, const plan::CopyOp& copy);
  // Remembered of a state onto which files of a build context were copied
  // before.
  static oci::Digest CopiesOnto(const oci::Digest& base);
  // Whether the key can be worked out without a state of any vertex.
  bool NeedsNoStateForKey(plan::VertexId id);
  // By its files, and the time that they get.
  oci::Digest CopyKeyOf(const plan::CopyOp& copy, const oci::Digest& base,
                        const oci::Digest& content) const;
  // Of what gives SOURCE_DATE_EPOCH to files, where that is set.
  oci::Digest Dated(const oci::Digest& key) const;
  // Files of a build context may have changed: they are always looked at.
  // Files of another state cannot have, if it is the same state.
  Result<Content> FindContent(plan::VertexId id, const plan::CopyOp& copy);
  // Whatever the files are copied onto.
  Result<oci::Digest> CopyDefinition(const plan::Vertex& vertex,
                                     const plan::CopyOp& copy);
  Result<oci::Digest> DigestAndRemember(plan::VertexId id,
                                        const plan::CopyOp& copy,
                                        const oci::Digest& definition);
  // The steps behind a copy that is cached are not needed, and not looked at
  // any further; what the cache knows of them is told, as buildx does.
  Status ReportSkipped(const plan::Vertex& vertex);
  // The operation with what it fetches pinned: a file to its digest, a git tree
  // to its commit. Other operations are as they are.
  Result<plan::Op> Pinned(plan::VertexId id);
  Result<oci::Digest> DigestSources(plan::VertexId id,
                                    const plan::CopyOp& copy);
  Result<std::vector<oci::Digest>> Keys(
      std::span<const plan::VertexId> vertices);

  // --- What earlier builds left ---

  // A layer that an earlier build gave, and what it is good for here.
  struct StoredLayer {
    std::string form;
    oci::LayerBlob blob;
    std::string import;  // the cache it is known from; "": the store's own
    LayerUse use = LayerUse::kNone;
  };
  // The best that can be had of a state; nothing where none is at least that
  // good.
  std::optional<StoredLayer> FindStoredLayer(const snapshot::SnapshotId& state,
                                             LayerUse least) const;
  // Whether a state can be had from what is recorded, without executing.
  bool IsUsable(const cache::CacheRecord& record) const;
  std::vector<cache::CacheRecord> UsableRecords(const oci::Digest& key) const;
  // Whether no earlier build can have left anything for the vertex, whatever
  // its key: nothing was copied onto that state before, or it is made of such.
  // Then nobody has to wait until the files of the build context are hashed.
  Result<bool> IsNew(plan::VertexId id);
  // What an earlier build left for the vertex, if it still fits. Asked before
  // anything is executed for it, so that the answer does not change on the way.
  Result<std::optional<cache::CacheRecord>> Found(plan::VertexId id);
  // Makes a record that was imported one of the store's own, with its layer.
  // REQUIRES: the layer was verified, it has its digest and its diff ID.
  Status Adopt(plan::VertexId id, const cache::CacheRecord& record,
               const StoredLayer& layer);
  // The layer that keeps a result known under `key` from being used: one that
  // is packed too differently.
  std::optional<StoredLayer> FindRefusedLayer(const oci::Digest& key) const;
  // Tells of it, once for each cache and difference.
  void WarnOfRefusedLayer(const oci::Digest& key);
  // The state that a fitting record was made on; nothing where that has to be
  // made anew.
  Result<std::optional<cache::CacheRecord>> FoundParent(
      const plan::Vertex& vertex);
  // The name by which a state that `vertex` is made on is known elsewhere, its
  // chain ID; that of the store where it is not known yet.
  std::string StateName(const plan::Vertex& vertex,
                        const cache::CacheRecord& parent);
  std::string ChainName(plan::VertexId id, const cache::CacheRecord& record);
  // What is known of a vertex that was asked about already.
  std::optional<cache::CacheRecord> FoundOrExecuted(plan::VertexId id);

  // --- States, found or executed ---

  Result<snapshot::SnapshotId> Snapshot(plan::VertexId id);
  // The state of the vertex, and when it was made.
  Result<cache::CacheRecord> State(plan::VertexId id);
  Result<cache::CacheRecord> MakeState(plan::VertexId id);
  Result<snapshot::SnapshotId> Unpack(const plan::Vertex& vertex,
                                      const plan::ImageOp& image);
  Result<cache::CacheRecord> Execute(plan::VertexId id);
  Result<cache::CacheRecord> Execute(plan::VertexId id, const Ground& ground);
  Result<std::vector<snapshot::SnapshotId>> Snapshots(
      std::span<const plan::VertexId> vertices);
  Result<cache::CacheRecord> ExecuteBesideKey(plan::VertexId id,
                                              const Ground& ground);
  // Waits for another build that carries out the same just now.
  Result<cache::CacheRecord> ExecuteOnce(plan::VertexId id,
                                         const oci::Digest& key,
                                         const Ground& ground);
  // As a step that people see.
  //   key  nothing: it is still being worked out
  Result<cache::CacheRecord> CarryReported(
      plan::VertexId id, const std::optional<oci::Digest>& key,
      const Ground& ground);
  //   key  asked for once what the step does is done
  Result<cache::CacheRecord> Carry(plan::VertexId id, const KeyAsker& key,
                                   const Ground& ground, uint64_t step);

  // Whether the state is there for one more to be made on top of it, as far as
  // the graph tells: nobody else in this build reads its files.
  bool IsHandedOn(plan::VertexId id) const;

  // --- States made again from stored layers ---

  // Unpacks the layer that the vertex gave in an earlier build.
  Status Restore(plan::VertexId id, const cache::CacheRecord& record);
  // Makes `name` of the record's layer and `parent`; the record is then one of
  // the store's own.
  Status FetchAndUnpack(plan::VertexId id, const cache::CacheRecord& record,
                        const StoredLayer& layer,
                        const snapshot::SnapshotId& parent,
                        oci::LayerContents contents,
                        const snapshot::SnapshotId& name);
  // Tells of a layer that could not be used for `reason`, where it is the
  // layer's fault. Gives the reason back.
  Error BlameLayer(plan::VertexId id, const StoredLayer& layer, Error reason);
  // Brings a layer that a cache offers into the store, and verifies it.
  Status Fetch(const plan::Vertex& vertex, const oci::Descriptor& layer);

  // --- Layers ---

  Result<SolvedLayer> Layer(plan::VertexId id);
  Result<SolvedLayer> MakeLayer(plan::VertexId id);
  Result<oci::LayerBlob> WriteLayer(plan::VertexId id,
                                    const snapshot::SnapshotId& snapshot,
                                    snapshot::SnapshotDiff diff,
                                    ops::BorrowedContent* borrowed = nullptr);

  // That which an earlier build left, where it is of use.
  Result<std::optional<oci::LayerBlob>> ReuseLayer(
      plan::VertexId id, const cache::CacheRecord& record);
  // A layer with the same tar, compressed as this build wants it.
  Result<oci::LayerBlob> Recompress(plan::VertexId id,
                                    const cache::CacheRecord& record,
                                    const StoredLayer& stored);

  // --- Outlines ---

  // Nothing where the state itself is there or somebody needs it, or where an
  // outline of what is below is not enough.
  Result<std::optional<Outlined>> Outline(plan::VertexId id);
  Result<std::optional<Outlined>> MakeOutline(plan::VertexId id);
  // Whether the state itself is made anyway, as far as can be told by now: a
  // step that is not known to be cached reads it.
  bool WillBeRead(plan::VertexId id);
  Result<std::optional<Outlined>> OutlineBase(const plan::Vertex& vertex,
                                              const plan::ImageOp& image);
  Result<std::optional<Outlined>> RestoreOutline(
      plan::VertexId id, const cache::CacheRecord& record,
      const Outlined& below);
  // Whether the operation finds all that it has to know.
  Result<bool> KnowsEnough(const plan::Op& op, const Outlined& below);
  Result<std::optional<Outlined>> ExecuteOnOutline(plan::VertexId id,
                                                   const Outlined& below);
  // Writes and records the layer of what was executed, with content that is not
  // in the outline; an empty record where
  // only the state below could tell what changed.
  Result<cache::CacheRecord> KeepOutline(
      plan::VertexId id, const KeyAsker& key, const Ground& ground,
      std::unique_ptr<snapshot::ActiveSnapshot> active,
      ops::BorrowedContent& borrowed, cache::CacheRecord record);

  // --- Why a step is executed ---

  void Explain(plan::VertexId id, const oci::Digest& key, uint64_t step);
  // REQUIRES: the vertex's own key and those of its inputs were asked for.
  cache::StepFacts Facts(plan::VertexId id, const oci::Digest& key);
  void AddMounts(const plan::Vertex& vertex, cache::Ingredients& ingredients);

  // --- A cache that travels ---

  // When all else is done: what was found or executed, with its layers.
  //   all  also that of stages that the targets' layers do not come from
  Result<cache::PortableCache> CollectCache(
      std::span<const plan::TargetImage> targets, bool all);
  // In order, inputs first.
  std::set<plan::VertexId> StepsToCollect(
      std::span<const plan::TargetImage> targets, bool all) const;
  Status CollectStep(plan::VertexId id, cache::PortableCache& portable);

  // Asks about every one of `vertices`, all at once.
  template <typename T, typename Ask>
  Result<std::vector<T>> AskAll(std::span<const plan::VertexId> vertices,
                                Ask ask) {
    std::vector<std::future<Result<T>>> others;
    for (size_t i = 1; i < vertices.size(); ++i) {
      others.push_back(
          forks_.Start([ask, id = vertices[i]] { return ask(id); }));
    }
    std::vector<T> answers;
    Status failed;
    auto take = [&](Result<T> answer) {
      if (answer) {
        answers.push_back(*std::move(answer));
      } else if (failed) {
        failed = std::move(answer).error();
      }
    };
    if (!vertices.empty()) take(ask(vertices[0]));
    for (auto& other : others) take(other.get());
    if (!failed) return std::move(failed).error();
    return answers;
  }

  const plan::BuildGraph& graph_;
  const SolveServices& services_;
  const SolveOptions& options_;
  const std::string form_;
  std::counting_semaphore<> slots_;
  Forks forks_;
  std::deque<VertexState> states_;
  const std::vector<bool> stale_;
  const std::vector<bool> needs_files_;
  const std::vector<std::vector<Use>> uses_;
  const std::vector<bool> is_of_target_;  // its layer goes into an image
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_stop_;
  std::atomic<int> executed_ = 0;
  std::atomic<int> cached_ = 0;
  bool collecting_ = false;  // all else is done: nothing is told any more
  std::mutex failure_mutex_;
  std::optional<SolveFailure> failure_;
  Guarded<std::set<std::string>> told_;  // of refused layers
};

}  // namespace strake::builder::solve

#endif  // STRAKE_BUILDER_SOLVE_SOLVING_H_
