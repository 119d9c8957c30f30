// Copies onto a state that nobody reads: an outline of it is enough.
//
// A copy writes into the layer every directory on the way to its files, so that
// it has to know the owners and modes of those, which of them are links, and
// whether a file is in the way: hence others pull and unpack the whole base for
// one small file. To leave these directories out of the layer would be right by
// the specification, but Docker's and podman's stores then lay directories of
// their own making over the base's. To guess them would be wrong for any base
// that gives /app to its user. So the layers below are read once, and only
// names and metadata are kept: 66 MB in the store instead of 239 for Debian's
// base, 63 of them its packed layer, and nothing is read for the next build.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "builder/ops/image_op.h"
#include "builder/ops/user_lookup.h"
#include "builder/progress_reporter.h"
#include "builder/snapshot/file_metadata.h"
#include "builder/solve/needs_files.h"
#include "builder/solve/solving.h"
#include "builder/solve/vertex_kind.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::solve {

using cache::CacheRecord;
using plan::ImageOp;
using plan::Vertex;
using plan::VertexId;
using snapshot::SnapshotId;

namespace {

// The user that the operation names, which may have to be looked up.
std::string NamedUser(const plan::Op& op) {
  if (const auto* copy = std::get_if<plan::CopyOp>(&op)) return copy->chown;
  if (const auto* directory = std::get_if<plan::MakeDirOp>(&op)) {
    return directory->user;
  }
  return "";
}

// Whether names of users can be looked up in the outline open as `root`: its
// lists are files of these very names, with their content, or there are none.
Result<bool> KnowsUsers(int root) {
  for (const char* list : {"etc/passwd", "etc/group"}) {
    ASSIGN_OR_RETURN(std::string place, ResolveInRoot(root, list));
    ASSIGN_OR_RETURN(std::optional<struct stat> there,
                     StatInRoot(root, list, FollowLast::kNo));
    if (!there) continue;
    if (place != list || !S_ISREG(there->st_mode)) return false;
    if (there->st_size == 0) continue;
    ASSIGN_OR_RETURN(UniqueFd file, OpenInRoot(root, list, O_RDONLY));
    char first = 0;
    if (::pread(file.get(), &first, 1, 0) != 1) {
      return ErrnoError("read " + std::string(list));
    }
    // A hard link to a file whose content is a hole.
    if (first == '\0') return false;
  }
  return true;
}

// Whether a file of `diff` may be the very one that the outline `below` only
// has the metadata of, and so no change at all.
Result<bool> MayBeUnchanged(const snapshot::SnapshotDiff& diff, int below,
                            const OwnershipJournal& journal) {
  for (const oci::Change& change : diff.changes) {
    if (change.kind != oci::ChangeKind::kPresent ||
        !S_ISREG(change.metadata.mode)) {
      continue;
    }
    ASSIGN_OR_RETURN(std::optional<struct stat> there,
                     StatInRoot(below, change.path, FollowLast::kNo));
    if (!there || !S_ISREG(there->st_mode)) continue;
    ASSIGN_OR_RETURN(ParentAndName place, OpenParentInRoot(below, change.path));
    struct statx stat;
    if (::statx(place.parent.get(), place.name.c_str(), AT_SYMLINK_NOFOLLOW,
                STATX_BASIC_STATS, &stat) != 0) {
      return ErrnoError("stat " + change.path + " below");
    }
    ASSIGN_OR_RETURN(oci::FileMetadata metadata,
                     snapshot::ReadFileMetadata(place.parent.get(),
                                                place.name.c_str(), stat));
    snapshot::ApplyJournalEntry(journal.Find(change.path), metadata);
    if (snapshot::SameMetadata(metadata, change.metadata)) return true;
  }
  return false;
}

}  // namespace

Result<std::optional<Solving::Outlined>> Solving::Outline(VertexId id) {
  return states_[id].outline.Get([&]() -> Result<std::optional<Outlined>> {
    auto outline = MakeOutline(id);
    if (!outline) return Fail(id, std::move(outline).error());
    return outline;
  });
}

Result<std::optional<Solving::Outlined>> Solving::MakeOutline(VertexId id) {
  using Answer = std::optional<Outlined>;
  const Vertex& vertex = graph_.vertex(id);
  if (std::holds_alternative<plan::ScratchOp>(vertex.op)) return Answer();
  if (const auto* image = std::get_if<ImageOp>(&vertex.op)) {
    if (WillBeRead(id)) return Answer();
    return OutlineBase(vertex, *image);
  }
  ASSIGN_OR_RETURN(std::optional<CacheRecord> found, Found(id));
  const bool is_there =
      found && services_.environment.snapshotter.Exists(found->snapshot);
  // Whether a step is executed here or there must not depend on the time.
  const bool possible = found ? !is_there && !WillBeRead(id)
                              : !needs_files_[id] && WorksOnOutline(vertex.op);
  if (!possible || vertex.inputs.empty()) return Answer();
  ASSIGN_OR_RETURN(Answer below, Outline(vertex.inputs[0]));
  if (!below) return Answer();
  if (found) return RestoreOutline(id, *found, *below);
  ASSIGN_OR_RETURN(bool is_enough, KnowsEnough(vertex.op, *below));
  if (!is_enough) return Answer();
  return ExecuteOnOutline(id, *below);
}

bool Solving::WillBeRead(VertexId id) {
  if (options_.need_root) return true;
  return std::ranges::any_of(uses_[id], [this](const Use& use) {
    const bool is_below = use.input == 0;
    if (!is_below || !WorksOnOutline(graph_.vertex(use.vertex).op)) {
      auto found = states_[use.vertex].found.Peek();
      if (!found || !*found || !**found) return true;
    }
    return is_below && WillBeRead(use.vertex);
  });
}

Result<std::optional<Solving::Outlined>> Solving::OutlineBase(
    const Vertex& vertex, const ImageOp& image) {
  using Answer = std::optional<Outlined>;
  snapshot::Snapshotter& snapshotter = services_.environment.snapshotter;
  CacheRecord state{ops::ImageSnapshotId(image), "", {}};
  if (image.platform.os == "windows" || snapshotter.Exists(state.snapshot)) {
    return Answer();
  }
  ProgressStep step(services_.progress, vertex.name + " (outline)");
  auto fetch = [&](const std::vector<oci::Descriptor>& layers) {
    return services_.fetch_layers(image, layers, step.id());
  };
  ProgressPhase phase(services_.progress, "unpack", vertex.name);
  ASSIGN_OR_RETURN(SnapshotId outline,
                   step.EndWith(ops::UnpackImage(
                       image, oci::LayerContents::kOutline, fetch,
                       services_.blobs, snapshotter, stop_.get_token())));
  return Answer(Outlined{std::move(state), std::move(outline), {}});
}

Result<std::optional<Solving::Outlined>> Solving::RestoreOutline(
    VertexId id, const CacheRecord& record, const Outlined& below) {
  using Answer = std::optional<Outlined>;
  auto layer = FindStoredLayer(record.snapshot, LayerUse::kSameFiles);
  if (!layer) return Answer();
  SnapshotId outline = ops::OutlineId(record.snapshot);
  if (!services_.environment.snapshotter.Exists(outline)) {
    RETURN_IF_ERROR(FetchAndUnpack(id, record, *layer, below.outline,
                                   oci::LayerContents::kOutline, outline));
  }
  return Answer(Outlined{record, std::move(outline), {}});
}

Result<bool> Solving::KnowsEnough(const plan::Op& op, const Outlined& below) {
  const std::string user = NamedUser(op);
  if (user.find_first_not_of("0123456789:") == std::string::npos) return true;
  ASSIGN_OR_RETURN(snapshot::MountedRoot root,
                   services_.environment.snapshotter.View(below.outline));
  return KnowsUsers(root.fd.get());
}

// In the cache, the result is like one that came from elsewhere: a layer on top
// of the state below, from which its state can be made when it is needed.
Result<std::optional<Solving::Outlined>> Solving::ExecuteOnOutline(
    VertexId id, const Outlined& below) {
  using Answer = std::optional<Outlined>;
  const Vertex& vertex = graph_.vertex(id);
  Ground ground;
  ground.parent = below.state.snapshot;
  ground.inputs = {below.outline};
  ground.is_outline = true;
  ASSIGN_OR_RETURN(std::vector<SnapshotId> sources, Snapshots(Sources(vertex)));
  ground.inputs.insert(ground.inputs.end(), sources.begin(), sources.end());
  ASSIGN_OR_RETURN(CacheRecord record, Execute(id, ground));
  if (record.snapshot.empty()) return Answer();
  SnapshotId outline = ops::OutlineId(record.snapshot);
  auto layer = services_.index.FindLayer(record.snapshot, form_);
  if (!layer) {
    // Another build at the same time carried it out. It borrowed no content.
    ASSIGN_OR_RETURN(snapshot::SnapshotDiff diff,
                     services_.environment.snapshotter.DiffToOutline(outline));
    ASSIGN_OR_RETURN(layer, WriteLayer(id, outline, std::move(diff)));
    RETURN_IF_ERROR(
        services_.index.RecordLayer(record.snapshot, form_, *layer));
  }
  return Answer(
      Outlined{std::move(record), std::move(outline), *std::move(layer)});
}

Result<CacheRecord> Solving::KeepOutline(
    VertexId id, const KeyAsker& key, const Ground& ground,
    std::unique_ptr<snapshot::ActiveSnapshot> active,
    ops::BorrowedContent& borrowed, CacheRecord record) {
  snapshot::Snapshotter& snapshotter = services_.environment.snapshotter;
  const SnapshotId outline = ops::OutlineId(record.snapshot);
  RETURN_IF_ERROR(snapshotter.Commit(std::move(active), outline));
  ASSIGN_OR_RETURN(snapshot::SnapshotDiff diff,
                   snapshotter.DiffToOutline(outline));
  ASSIGN_OR_RETURN(snapshot::MountedRoot below,
                   snapshotter.View(ground.inputs[0]));
  ASSIGN_OR_RETURN(OwnershipJournal journal,
                   snapshotter.Journal(ground.inputs[0]));
  ASSIGN_OR_RETURN(bool may_be_unchanged,
                   MayBeUnchanged(diff, below.fd.get(), journal));
  if (may_be_unchanged) {
    diff = {};
    below = {};
    RETURN_IF_ERROR(snapshotter.Remove(outline));
    return CacheRecord();
  }
  ASSIGN_OR_RETURN(oci::LayerBlob layer,
                   WriteLayer(id, outline, std::move(diff), &borrowed));
  RETURN_IF_ERROR(services_.index.RecordLayer(record.snapshot, form_, layer));
  ASSIGN_OR_RETURN(oci::Digest known, key());
  if (!borrowed.changed()) {
    RETURN_IF_ERROR(services_.index.Record(known, record));
  }
  return record;
}

}  // namespace strake::builder::solve
