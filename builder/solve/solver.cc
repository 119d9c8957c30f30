// Each vertex answers three questions, each once (`Memo`):
//
//   Key       what identifies its result. A copy out of another state is keyed
//             by the files that it takes; the digest that those had last time
//             is remembered by definition key ("alias"), so that a cached copy
//             does not even need its source.
//   Snapshot  its state. Found, made again from a stored layer, or executed.
//   Layer     its changes as a blob. Found, or written from the snapshot.
//
// A question about a vertex asks questions about its inputs, which are smaller;
// so there is no circle to wait in. Threads wait for each other's answers, but
// hold one of the `jobs` slots only while an operation is carried out.
#include "builder/solve/solver.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <future>
#include <mutex>
#include <semaphore>
#include <set>
#include <span>
#include <utility>

#include "builder/cache/cache_key.h"
#include "builder/cache/content_digest.h"
#include "builder/ops/fetch_op.h"
#include "builder/ops/image_op.h"
#include "builder/snapshot/layer_changes.h"
#include "builder/solve/forks.h"
#include "builder/solve/memo.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"

namespace strake::builder::solve {
namespace {

using cache::CacheRecord;
using plan::CopyOp;
using plan::ImageOp;
using plan::Vertex;
using plan::VertexId;
using snapshot::SnapshotId;

// Whether progress shows the vertex as a step of the Dockerfile.
bool IsStep(const Vertex& vertex) {
  return !std::holds_alternative<plan::ScratchOp>(vertex.op) &&
         !std::holds_alternative<plan::MergeOp>(vertex.op) &&
         !std::holds_alternative<plan::FetchOp>(vertex.op) &&
         !std::holds_alternative<plan::GitOp>(vertex.op) &&
         !std::holds_alternative<ImageOp>(vertex.op);
}

// Whether all files come out of other states (and heredocs), none from a build
// context.
bool CopiesFromInputsOnly(const CopyOp& copy) {
  using Kind = plan::CopySource::Kind;
  bool any = false;
  for (const plan::CopySource& source : copy.sources) {
    if (source.kind == Kind::kContext) return false;
    any = any || source.kind == Kind::kInput;
  }
  return any;
}

// Where a copy takes files from: its inputs but for the state below.
std::span<const VertexId> Sources(const Vertex& copy) {
  return std::span(copy.inputs).subspan(1);
}

// Copies and new directories alone make layers for Windows.
bool MakesWindowsLayer(const plan::Op& op) {
  if (const auto* copy = std::get_if<CopyOp>(&op)) return copy->windows;
  const auto* directory = std::get_if<plan::MakeDirOp>(&op);
  return directory != nullptr && directory->windows;
}

// What of the options shows in a layer's bytes.
std::string LayerForm(const SolveOptions& options) {
  // What a layer holds beside changes; another number for anything else.
  std::string form = "2:";
  form += oci::CompressionName(options.compression.algorithm);
  form += ":" + std::to_string(options.compression.level);
  if (options.layers.clamp_mtime) {
    form += ":" + oci::FormatTimestamp(*options.layers.clamp_mtime);
  }
  return form;
}

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

class Solver {
 public:
  Solver(const plan::BuildGraph& graph, const SolveServices& services,
         const SolveOptions& options)
      : graph_(graph),
        services_(services),
        options_(options),
        form_(LayerForm(options)),
        slots_(std::max(1, options.jobs)),
        forks_(std::max(8, 4 * options.jobs)),
        states_(graph.vertices().size()),
        stale_(FindStale(graph, options.no_cache)),
        forward_stop_(options.stop, [this] { stop_.request_stop(); }) {}

  Result<SolveResult> Run(std::optional<SolveFailure>* failure) {
    auto result = Collect();
    if (!result) {
      std::lock_guard lock(failure_mutex_);
      if (failure != nullptr) *failure = failure_;
      // Others were cancelled because of the first failure: that one counts.
      if (failure_) return failure_->error;
    }
    return result;
  }

 private:
  struct VertexState {
    Memo<plan::Op> pinned;
    Memo<oci::Digest> key;
    // That of a copy whose files nobody looked at yet.
    bool key_is_remembered = false;
    Memo<std::optional<CacheRecord>> found;
    Memo<CacheRecord> snapshot;
    Memo<SolvedLayer> layer;
    // What a copy takes, where that was looked at.
    std::optional<oci::Digest> content;
    cache::FileList files;
    // What it gave where it was executed; for when all is done.
    std::optional<CacheRecord> executed;
  };

  // The layers are compressed while later steps still run: their tasks are
  // started from the bottom, and each waits for its own step only.
  Result<SolveResult> Collect() {
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
    if (options_.collect_of_layers) {
      ASSIGN_OR_RETURN(result.cache_of_layers, CollectCache(false));
    }
    if (options_.collect_all) {
      ASSIGN_OR_RETURN(result.cache_of_all, CollectCache(true));
    }
    return result;
  }

  struct PendingImage {
    std::vector<std::future<Result<SolvedLayer>>> layers;
    std::future<Result<SnapshotId>> root;  // invalid unless needed
  };

  PendingImage StartImage(const plan::TargetImage& target) {
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

  // Waits for all of it, also after a failure.
  Result<SolvedImage> FinishImage(PendingImage& pending) {
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

  // --- Key -----------------------------------------------------------------

  Result<oci::Digest> Key(VertexId id) {
    return states_[id].key.Get([&]() -> Result<oci::Digest> {
      auto key = ComputeKey(id);
      if (!key) return Fail(id, std::move(key).error());
      return key;
    });
  }

  Result<oci::Digest> ComputeKey(VertexId id) {
    const Vertex& vertex = graph_.vertex(id);
    if (const auto* copy = std::get_if<CopyOp>(&vertex.op)) {
      return CopyKey(id, *copy);
    }
    ASSIGN_OR_RETURN(std::vector<oci::Digest> inputs, Keys(vertex.inputs));
    ASSIGN_OR_RETURN(plan::Op pinned, Pinned(id));
    return cache::DefinitionKey(pinned, inputs);
  }

  // The key of the state below and the digest of the files are worked out at
  // once: each may mean that a whole stage is executed first.
  Result<oci::Digest> CopyKey(VertexId id, const CopyOp& copy) {
    const Vertex& vertex = graph_.vertex(id);
    auto pending = forks_.Start([&] { return FindContent(id, copy); });
    auto base = Key(vertex.inputs[0]);
    auto content = pending.get();
    if (!base) return base;
    if (!content) return std::move(content).error();
    oci::Digest key = cache::ContentKey(copy, *base, content->digest);
    if (!content->remembered) return key;
    if (!UsableRecords(key).empty()) {
      RETURN_IF_ERROR(ReportSkipped(vertex));
      states_[id].key_is_remembered = true;
      return key;
    }
    // The copy has to be carried out, with the files that there are now.
    ASSIGN_OR_RETURN(oci::Digest digest,
                     DigestAndRemember(id, copy, content->definition));
    return cache::ContentKey(copy, *base, digest);
  }

  // The files that a copy takes.
  struct Content {
    oci::Digest digest;
    bool remembered = false;  // from an earlier build; nobody looked at them
    oci::Digest definition;   // under which they are remembered
  };

  // Files of a build context may have changed: they are always looked at.
  // Files of another state cannot have, if it is the same state.
  Result<Content> FindContent(VertexId id, const CopyOp& copy) {
    const Vertex& vertex = graph_.vertex(id);
    if (!CopiesFromInputsOnly(copy)) {
      ASSIGN_OR_RETURN(oci::Digest digest, DigestSources(id, copy));
      return Content{digest, false, {}};
    }
    ASSIGN_OR_RETURN(oci::Digest definition, CopyDefinition(vertex, copy));
    // A stale source has to be executed before its files are looked at.
    const bool is_stale = std::ranges::any_of(
        Sources(vertex), [this](VertexId id) { return stale_[id]; });
    if (!is_stale) {
      if (auto known = services_.index.FindAlias(definition)) {
        return Content{*known, true, definition};
      }
    }
    ASSIGN_OR_RETURN(oci::Digest digest,
                     DigestAndRemember(id, copy, definition));
    return Content{digest, false, definition};
  }

  // Whatever the files are copied onto.
  Result<oci::Digest> CopyDefinition(const Vertex& vertex, const CopyOp& copy) {
    ASSIGN_OR_RETURN(std::vector<oci::Digest> inputs, Keys(Sources(vertex)));
    inputs.insert(inputs.begin(), oci::Digest());
    return cache::DefinitionKey(copy, inputs);
  }

  Result<oci::Digest> DigestAndRemember(VertexId id, const CopyOp& copy,
                                        const oci::Digest& definition) {
    ASSIGN_OR_RETURN(oci::Digest digest, DigestSources(id, copy));
    RETURN_IF_ERROR(services_.index.RecordAlias(definition, digest));
    return digest;
  }

  // The steps behind a copy that is cached are not needed, and not looked at
  // any further; what the cache knows of them is told, as buildx does.
  Status ReportSkipped(const Vertex& vertex) {
    for (VertexId input : vertex.inputs) {
      if (!IsStep(graph_.vertex(input))) continue;
      RETURN_IF_ERROR(Found(input));
    }
    return {};
  }

  // The operation with what it fetches pinned: a file to its digest, a git tree
  // to its commit. Other operations are as they are.
  Result<plan::Op> Pinned(VertexId id) {
    return states_[id].pinned.Get([&]() -> Result<plan::Op> {
      const Vertex& vertex = graph_.vertex(id);
      const auto* fetch = std::get_if<plan::FetchOp>(&vertex.op);
      const auto* git = std::get_if<plan::GitOp>(&vertex.op);
      if (fetch == nullptr && git == nullptr) return vertex.op;
      ProgressStep step(services_.progress, vertex.name);
      if (git != nullptr) {
        ASSIGN_OR_RETURN(plan::GitOp pinned,
                         step.EndWith(ops::PinGit(*git, services_.environment,
                                                  stop_.get_token())));
        return plan::Op(std::move(pinned));
      }
      auto report = [&](uint64_t current, uint64_t total) {
        services_.progress.Transfer(
            step.id(), {fetch->filename, current, total, current == total});
      };
      ASSIGN_OR_RETURN(plan::FetchOp pinned,
                       step.EndWith(ops::PinFetch(*fetch, services_.environment,
                                                  report, stop_.get_token())));
      return plan::Op(std::move(pinned));
    });
  }

  Result<oci::Digest> DigestSources(VertexId id, const CopyOp& copy) {
    const Vertex& vertex = graph_.vertex(id);
    ASSIGN_OR_RETURN(std::vector<SnapshotId> inputs,
                     Snapshots(Sources(vertex)));
    inputs.insert(inputs.begin(), SnapshotId());
    std::vector<std::unique_ptr<ops::OpenSource>> opened;
    ASSIGN_OR_RETURN(
        context::CopyInputs trees,
        ops::OpenCopyInputs(copy, inputs, services_.environment.contexts,
                            services_.environment.snapshotter, opened));
    cache::ContentDigestOptions digest;
    digest.stat_cache = &services_.stat_cache;
    digest.stop = stop_.get_token();
    cache::FileList files;
    if (services_.history != nullptr) digest.files = &files;
    ASSIGN_OR_RETURN(states_[id].content,
                     cache::DigestCopySources(copy, trees, digest));
    states_[id].files = std::move(files);
    return *states_[id].content;
  }

  Result<std::vector<oci::Digest>> Keys(std::span<const VertexId> vertices) {
    return AskAll<oci::Digest>(vertices,
                               [this](VertexId id) { return Key(id); });
  }

  // Asks about every one of `vertices`, all at once.
  template <typename T, typename Ask>
  Result<std::vector<T>> AskAll(std::span<const VertexId> vertices, Ask ask) {
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

  // --- Cache ---------------------------------------------------------------

  // Whether a state can be had from what is recorded, without executing.
  bool IsUsable(const CacheRecord& record) const {
    if (services_.environment.snapshotter.Exists(record.snapshot)) return true;
    auto layer = services_.index.FindLayer(record.snapshot, form_);
    return layer && (services_.blobs.Contains(layer->descriptor.digest) ||
                     services_.imported.Offers(layer->descriptor));
  }

  std::vector<CacheRecord> UsableRecords(const oci::Digest& key) const {
    std::vector<CacheRecord> records = services_.index.FindAll(key);
    std::erase_if(records, [this](const CacheRecord& record) {
      return !IsUsable(record);
    });
    return records;
  }

  // What an earlier build left for the vertex, if it still fits. Asked before
  // anything is executed for it, so that the answer does not change on the way.
  Result<std::optional<CacheRecord>> Found(VertexId id) {
    using Answer = std::optional<CacheRecord>;
    return states_[id].found.Get([&]() -> Result<Answer> {
      const Vertex& vertex = graph_.vertex(id);
      ASSIGN_OR_RETURN(oci::Digest key, Key(id));
      if (stale_[id]) return Answer();
      std::vector<CacheRecord> records = UsableRecords(key);
      if (records.empty()) return Answer();
      ASSIGN_OR_RETURN(Answer parent, FoundParent(vertex));
      if (!parent) return Answer();
      auto fits = [&](const CacheRecord& record) {
        return record.parent == parent->snapshot ||
               record.parent == StateName(vertex, *parent);
      };
      auto record = std::ranges::find_if(records, fits);
      if (record == records.end()) return Answer();
      if (services_.index.Find(key) == *record) {
        RETURN_IF_ERROR(services_.index.Use(key));
      }
      if (IsStep(vertex) && !collecting_) {
        ++cached_;
        services_.progress.Cached(vertex.name);
        if (services_.history != nullptr)
          services_.history->Note(Facts(id, key));
      }
      return Answer(*record);
    });
  }

  // Makes a record that was imported one of the store's own, with its layer.
  // REQUIRES: the layer was verified, it has its digest and its diff ID.
  Status Adopt(VertexId id, const CacheRecord& record,
               const oci::LayerBlob& layer) {
    if (!services_.index.HasOwnLayer(record.snapshot, form_)) {
      RETURN_IF_ERROR(
          services_.index.RecordLayer(record.snapshot, form_, layer));
    }
    ASSIGN_OR_RETURN(oci::Digest key, Key(id));
    if (services_.index.Find(key) == record) return {};
    RETURN_IF_ERROR(services_.index.Record(key, record));
    RETURN_IF_ERROR(services_.index.Use(key));
    if (!states_[id].key_is_remembered) return {};
    const Vertex& vertex = graph_.vertex(id);
    ASSIGN_OR_RETURN(oci::Digest definition,
                     CopyDefinition(vertex, std::get<CopyOp>(vertex.op)));
    auto content = services_.index.FindAlias(definition);
    if (!content) return {};
    return services_.index.RecordAlias(definition, *content);
  }

  // The state that a fitting record was made on; nothing where that has to be
  // made anew.
  Result<std::optional<CacheRecord>> FoundParent(const Vertex& vertex) {
    using Answer = std::optional<CacheRecord>;
    if (vertex.inputs.empty()) return Answer(CacheRecord());
    const Vertex& parent = graph_.vertex(vertex.inputs[0]);
    if (std::holds_alternative<plan::ScratchOp>(parent.op)) {
      return Answer(CacheRecord());
    }
    if (const auto* image = std::get_if<ImageOp>(&parent.op)) {
      return Answer(CacheRecord{ops::ImageSnapshotId(*image), "", {}});
    }
    return Found(vertex.inputs[0]);
  }

  // The name by which a state that `vertex` is made on is known elsewhere, its
  // chain ID; that of the store where it is not known yet.
  std::string StateName(const Vertex& vertex, const CacheRecord& parent) {
    if (vertex.inputs.empty()) return parent.snapshot;
    return ChainName(vertex.inputs[0], parent);
  }

  std::string ChainName(VertexId id, const CacheRecord& record) {
    const Vertex& vertex = graph_.vertex(id);
    if (std::holds_alternative<ImageOp>(vertex.op) || record.snapshot.empty()) {
      return record.snapshot;
    }
    auto layer = services_.index.FindLayer(record.snapshot, form_);
    if (!layer) return record.snapshot;
    std::string below;
    if (!vertex.inputs.empty()) {
      auto parent = FoundOrExecuted(vertex.inputs[0]);
      if (!parent) return record.snapshot;
      below = ChainName(vertex.inputs[0], *parent);
    }
    // What has no chain ID, an empty root, is the empty one's parent.
    auto parent = oci::Digest::Parse("sha256:" + below);
    return oci::ChainId(parent ? *parent : oci::Digest(), layer->diff_id).Hex();
  }

  // What is known of a vertex that was asked about already.
  std::optional<CacheRecord> FoundOrExecuted(VertexId id) {
    const Vertex& vertex = graph_.vertex(id);
    if (std::holds_alternative<plan::ScratchOp>(vertex.op)) {
      return CacheRecord();
    }
    if (const auto* image = std::get_if<ImageOp>(&vertex.op)) {
      return CacheRecord{ops::ImageSnapshotId(*image), "", {}};
    }
    if (collecting_ && states_[id].executed) return states_[id].executed;
    auto found = Found(id);
    return found ? *found : std::nullopt;
  }

  // --- Cache that travels --------------------------------------------------

  // When all else is done: what was found or executed, with its layers.
  Result<cache::PortableCache> CollectCache(bool all) {
    cache::PortableCache portable;
    for (VertexId id : StepsToCollect(all)) {
      if (stop_.stop_requested()) return Cancelled("the build was cancelled");
      RETURN_IF_ERROR(CollectStep(id, portable));
    }
    return portable;
  }

  // In order, inputs first.
  std::set<VertexId> StepsToCollect(bool all) const {
    std::set<VertexId> steps;
    std::vector<VertexId> pending;
    for (const plan::TargetImage& target : graph_.targets) {
      pending.insert(pending.end(), target.layers.begin(), target.layers.end());
      pending.push_back(target.state);
    }
    while (!pending.empty()) {
      VertexId id = pending.back();
      pending.pop_back();
      if (!steps.insert(id).second) continue;
      // A copy's and a mount's sources are other stages' steps; what a merge
      // puts together are the target's own.
      const Vertex& vertex = graph_.vertex(id);
      const bool follow =
          all || std::holds_alternative<plan::MergeOp>(vertex.op);
      const size_t count = follow ? vertex.inputs.size()
                                  : std::min<size_t>(1, vertex.inputs.size());
      for (size_t i = 0; i < count; ++i) pending.push_back(vertex.inputs[i]);
    }
    return steps;
  }

  Status CollectStep(VertexId id, cache::PortableCache& portable) {
    const Vertex& vertex = graph_.vertex(id);
    if (std::holds_alternative<plan::ScratchOp>(vertex.op) ||
        std::holds_alternative<ImageOp>(vertex.op)) {
      return {};
    }
    std::optional<CacheRecord> record = FoundOrExecuted(id);
    if (!record) return {};
    ASSIGN_OR_RETURN(SolvedLayer layer, Layer(id));
    ASSIGN_OR_RETURN(oci::Digest key, Key(id));
    CacheRecord named = *record;
    named.snapshot = ChainName(id, *record);
    named.parent.clear();
    if (!vertex.inputs.empty()) {
      auto parent = FoundOrExecuted(vertex.inputs[0]);
      if (!parent) return {};
      named.parent = ChainName(vertex.inputs[0], *parent);
    }
    portable.layers[{named.snapshot, form_}] = layer.blob;
    portable.records[key] = std::move(named);
    const auto* copy = std::get_if<CopyOp>(&vertex.op);
    if (copy == nullptr || !CopiesFromInputsOnly(*copy)) return {};
    ASSIGN_OR_RETURN(oci::Digest definition, CopyDefinition(vertex, *copy));
    if (auto content = services_.index.FindAlias(definition)) {
      portable.aliases[definition] = *content;
    }
    return {};
  }

  // --- Snapshot ------------------------------------------------------------

  Result<SnapshotId> Snapshot(VertexId id) {
    ASSIGN_OR_RETURN(CacheRecord record, State(id));
    return record.snapshot;
  }

  // The state of the vertex, and when it was made.
  Result<CacheRecord> State(VertexId id) {
    return states_[id].snapshot.Get([&]() -> Result<CacheRecord> {
      auto state = MakeState(id);
      if (!state) return Fail(id, std::move(state).error());
      return state;
    });
  }

  Result<CacheRecord> MakeState(VertexId id) {
    const Vertex& vertex = graph_.vertex(id);
    if (const auto* image = std::get_if<ImageOp>(&vertex.op)) {
      ASSIGN_OR_RETURN(SnapshotId snapshot, Unpack(vertex, *image));
      return CacheRecord{std::move(snapshot), "", {}};
    }
    ASSIGN_OR_RETURN(std::optional<CacheRecord> found, Found(id));
    if (!found) return Execute(id);
    if (!services_.environment.snapshotter.Exists(found->snapshot)) {
      RETURN_IF_ERROR(Restore(id, *found));
    }
    return *std::move(found);
  }

  Result<SnapshotId> Unpack(const Vertex& vertex, const ImageOp& image) {
    snapshot::Snapshotter& snapshotter = services_.environment.snapshotter;
    if (SnapshotId id = ops::ImageSnapshotId(image); snapshotter.Exists(id)) {
      services_.progress.Cached(vertex.name);
      return id;
    }
    ProgressStep step(services_.progress, vertex.name);
    auto fetch = [&](const std::vector<oci::Descriptor>& layers) {
      return services_.fetch_layers(image, layers, step.id());
    };
    return step.EndWith(ops::UnpackImage(image, fetch, services_.blobs,
                                         snapshotter, stop_.get_token()));
  }

  // Unpacks the layer that the vertex gave in an earlier build.
  Status Restore(VertexId id, const CacheRecord& record) {
    const Vertex& vertex = graph_.vertex(id);
    auto layer = services_.index.FindLayer(record.snapshot, form_);
    if (!layer) return Internal("a cached layer vanished");
    const bool is_own = services_.index.HasOwnLayer(record.snapshot, form_);
    SnapshotId parent;
    if (!vertex.inputs.empty()) {
      ASSIGN_OR_RETURN(parent, Snapshot(vertex.inputs[0]));
    }
    if (!services_.blobs.Contains(layer->descriptor.digest)) {
      RETURN_IF_ERROR(Fetch(vertex, layer->descriptor));
    }
    Status unpacked = UnpackLayer(*layer, parent, record.snapshot);
    if (!unpacked) {
      if (!is_own) services_.imported.MarkBroken(unpacked.error());
      return unpacked;
    }
    return Adopt(id, record, *layer);
  }

  Status UnpackLayer(const oci::LayerBlob& layer, const SnapshotId& parent,
                     const SnapshotId& name) {
    snapshot::Snapshotter& snapshotter = services_.environment.snapshotter;
    ASSIGN_OR_RETURN(auto active, snapshotter.Prepare(parent));
    {
      ASSIGN_OR_RETURN(snapshot::LayerTarget target,
                       snapshotter.Target(*active));
      ASSIGN_OR_RETURN(
          auto summary,
          oci::ApplyLayerBlob(layer.descriptor, layer.diff_id, services_.blobs,
                              target.directory.get(), target.options));
      (void)summary;
    }
    return snapshotter.Commit(std::move(active), name);
  }

  // Brings a layer that a cache offers into the store, and verifies it.
  Status Fetch(const Vertex& vertex, const oci::Descriptor& layer) {
    if (services_.blobs.Contains(layer.digest)) {
      return services_.imported.Fetch(layer);
    }
    ProgressStep step(services_.progress,
                      "[internal] cached layer of " + vertex.name);
    auto report = [&](const registry::TransferProgress& transfer) {
      services_.progress.Transfer(
          step.id(), {transfer.digest.ToString(), transfer.current_bytes,
                      transfer.total_bytes, transfer.done});
    };
    return step.EndWith(services_.imported.Fetch(layer, report));
  }

  Result<CacheRecord> Execute(VertexId id) {
    const Vertex& vertex = graph_.vertex(id);
    ASSIGN_OR_RETURN(oci::Digest key, Key(id));
    ASSIGN_OR_RETURN(std::vector<SnapshotId> inputs, Snapshots(vertex.inputs));
    if (states_[id].key_is_remembered) {
      // The files may have been made anew meanwhile, and differ.
      const auto& copy = std::get<CopyOp>(vertex.op);
      ASSIGN_OR_RETURN(oci::Digest definition, CopyDefinition(vertex, copy));
      ASSIGN_OR_RETURN(oci::Digest base, Key(vertex.inputs[0]));
      ASSIGN_OR_RETURN(oci::Digest digest,
                       DigestAndRemember(id, copy, definition));
      key = cache::ContentKey(copy, base, digest);
    }
    bool executed = false;
    auto carry = [&]() -> Result<CacheRecord> {
      SlotGuard slot(slots_);
      if (stop_.stop_requested()) return Cancelled("the build was cancelled");
      executed = true;
      if (!IsStep(vertex)) return Carry(id, key, inputs, 0);
      ProgressStep step(services_.progress, vertex.name);
      ++executed_;
      Explain(id, key, step.id());
      return step.EndWith(Carry(id, key, inputs, step.id()));
    };
    if (services_.shared == nullptr) return carry();
    // Only a result on the very state below serves here.
    std::string state = inputs.empty() ? "" : inputs[0];
    auto record = services_.shared->Once(key.ToString() + " " + state, carry);
    if (record && !executed && IsStep(vertex)) {
      ++cached_;
      services_.progress.Cached(vertex.name);
    }
    return record;
  }

  Result<std::vector<SnapshotId>> Snapshots(
      std::span<const VertexId> vertices) {
    return AskAll<SnapshotId>(vertices,
                              [this](VertexId id) { return Snapshot(id); });
  }

  Result<CacheRecord> Carry(VertexId id, const oci::Digest& key,
                            std::vector<SnapshotId> inputs, uint64_t step) {
    const Vertex& vertex = graph_.vertex(id);
    ASSIGN_OR_RETURN(plan::Op op, Pinned(id));
    bool on_scratch =
        vertex.inputs.empty() || std::holds_alternative<plan::ScratchOp>(
                                     graph_.vertex(vertex.inputs[0]).op);
    CacheRecord record;
    record.parent = on_scratch ? "" : inputs[0];
    ops::ExecuteRequest request{op, std::move(inputs), {}, {},
                                {}, stop_.get_token()};
    request.on_output = [&](sandbox::Stream stream, std::string_view text) {
      services_.progress.Log(step, static_cast<int>(stream), text);
    };
    request.on_warning = [&](std::string_view text) {
      services_.progress.Warning(text);
    };
    ASSIGN_OR_RETURN(auto active,
                     ops::ExecuteOp(request, services_.environment));
    // Never a name used before: a step that is executed anew must not find its
    // old result under its name.
    record.snapshot = RandomName("");
    record.created = std::chrono::system_clock::now();
    RETURN_IF_ERROR(services_.environment.snapshotter.Commit(std::move(active),
                                                             record.snapshot));
    RETURN_IF_ERROR(services_.index.Record(key, record));
    states_[id].executed = record;
    return record;
  }

  // --- Explanation ---------------------------------------------------------

  void Explain(VertexId id, const oci::Digest& key, uint64_t step) {
    if (services_.history == nullptr) return;
    const Vertex& vertex = graph_.vertex(id);
    cache::StepFacts facts = Facts(id, key);
    facts.no_cache = options_.no_cache || vertex.no_cache;
    // A result is there: it is a state that it is made of that is another.
    if (!vertex.inputs.empty() && !UsableRecords(key).empty()) {
      auto anew = std::ranges::find_if(
          vertex.inputs, [this](VertexId input) { return stale_[input]; });
      facts.made_anew = anew == vertex.inputs.end() ? vertex.inputs[0] : *anew;
    }
    const Explanation explanation = services_.history->Explain(facts);
    if (!options_.explain) return;
    for (const std::string& line : ExplanationLines(explanation)) {
      services_.progress.Log(step, 1, line + "\n");
    }
  }

  // REQUIRES: the vertex's own key and those of its inputs were asked for.
  cache::StepFacts Facts(VertexId id, const oci::Digest& key) {
    const Vertex& vertex = graph_.vertex(id);
    cache::StepFacts facts;
    facts.id = id;
    facts.key = key;
    facts.ingredients = cache::DescribeOperation(graph_, id);
    if (!vertex.inputs.empty() && IsStep(graph_.vertex(vertex.inputs[0]))) {
      if (auto below = Key(vertex.inputs[0])) {
        cache::AddParent(*below, graph_.vertex(vertex.inputs[0]).name,
                         facts.ingredients);
      }
    }
    if (states_[id].content) {
      cache::AddContent(*states_[id].content, facts.ingredients);
    }
    states_[id].files.AddTo(facts.ingredients);
    AddMounts(vertex, facts.ingredients);
    return facts;
  }

  void AddMounts(const Vertex& vertex, cache::Ingredients& ingredients) {
    const auto* run = std::get_if<plan::RunOp>(&vertex.op);
    if (run == nullptr) return;
    for (const plan::RunMount& mount : run->mounts) {
      if (mount.input == 0 || mount.input >= vertex.inputs.size()) continue;
      if (auto key = Key(vertex.inputs[mount.input])) {
        cache::AddMountContent(mount.target, *key, ingredients);
      }
    }
  }

  // --- Layer ---------------------------------------------------------------

  Result<SolvedLayer> Layer(VertexId id) {
    return states_[id].layer.Get([&]() -> Result<SolvedLayer> {
      auto layer = MakeLayer(id);
      if (!layer) return Fail(id, std::move(layer).error());
      return layer;
    });
  }

  Result<SolvedLayer> MakeLayer(VertexId id) {
    ASSIGN_OR_RETURN(std::optional<CacheRecord> found, Found(id));
    if (found) {
      auto known = services_.index.FindLayer(found->snapshot, form_);
      const bool is_here =
          known && services_.blobs.Contains(known->descriptor.digest);
      const bool is_verified =
          is_here && services_.index.HasOwnLayer(found->snapshot, form_);
      if (is_here || (known && services_.imported.Offers(known->descriptor))) {
        // One that only goes from registry to registry is not looked at.
        if (!is_verified && (is_here || options_.need_blobs)) {
          RETURN_IF_ERROR(Fetch(graph_.vertex(id), known->descriptor));
          RETURN_IF_ERROR(Adopt(id, *found, *known));
        }
        return SolvedLayer{*std::move(known), found->created};
      }
    }
    ASSIGN_OR_RETURN(CacheRecord state, State(id));
    SlotGuard slot(slots_);
    if (stop_.stop_requested()) return Cancelled("the build was cancelled");
    ASSIGN_OR_RETURN(snapshot::SnapshotDiff diff,
                     services_.environment.snapshotter.Diff(state.snapshot));
    ASSIGN_OR_RETURN(OwnershipJournal owners,
                     services_.environment.snapshotter.Journal(state.snapshot));
    RETURN_IF_ERROR(snapshot::AddLeadingDirectories(owners, diff));
    oci::LayerWriteOptions layers = options_.layers;
    layers.windows = MakesWindowsLayer(graph_.vertex(id).op);
    ASSIGN_OR_RETURN(
        oci::LayerBlob blob,
        oci::WriteLayerBlob(diff.changes, diff.root.get(), options_.compression,
                            layers, services_.blobs));
    RETURN_IF_ERROR(services_.index.RecordLayer(state.snapshot, form_, blob));
    return SolvedLayer{std::move(blob), state.created};
  }

  // --- Failure -------------------------------------------------------------

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

  // The first failure is the cause; it stops everything else.
  Error Fail(VertexId id, Error error) {
    std::lock_guard lock(failure_mutex_);
    if (!failure_) {
      failure_.emplace(SolveFailure{id, error});
      stop_.request_stop();
    }
    return error;
  }

  const plan::BuildGraph& graph_;
  const SolveServices& services_;
  const SolveOptions& options_;
  const std::string form_;
  std::counting_semaphore<> slots_;
  Forks forks_;
  std::deque<VertexState> states_;
  const std::vector<bool> stale_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_stop_;
  std::atomic<int> executed_ = 0;
  std::atomic<int> cached_ = 0;
  bool collecting_ = false;  // all else is done: nothing is told any more
  std::mutex failure_mutex_;
  std::optional<SolveFailure> failure_;
};

}  // namespace

Result<SolveResult> Solve(const plan::BuildGraph& graph,
                          const SolveServices& services,
                          const SolveOptions& options,
                          std::optional<SolveFailure>* failure) {
  return Solver(graph, services, options).Run(failure);
}

}  // namespace strake::builder::solve
