#include "builder/store_inventory.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <utility>

#include "builder/ops/image_op.h"
#include "oci/walk.h"
#include "util/byte_stream.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/tree_walk.h"

namespace strake::builder {
namespace {

namespace fs = std::filesystem;
using snapshot::SnapshotId;

constexpr uint64_t kBlockBytes = 512;
constexpr uint64_t kMostRecordBytes = uint64_t{1} << 28;

oci::Timestamp TimeOf(const struct stat& status) {
  return oci::Timestamp(std::chrono::seconds(status.st_mtim.tv_sec));
}

oci::Timestamp ModifiedAt(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 ? TimeOf(status) : oci::Timestamp();
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename().string());
  }
  std::ranges::sort(names);
  return names;
}

class Taker {
 public:
  Taker(const Store& store, const cache::CacheIndex& index)
      : store_(store), index_(index) {}

  Result<Inventory> Take() {
    RETURN_IF_ERROR(TakeImages());
    RETURN_IF_ERROR(TakeSnapshots());
    TakeSteps();
    TakeBases();
    TakeMounts();
    RETURN_IF_ERROR(TakeFetched());
    RETURN_IF_ERROR(TakeRest());
    for (const char* name : {"/cache", "/tmp", "/garbage", "/index.json"}) {
      inventory_.other_bytes += DiskUsage(store_.directory() + name);
    }
    return std::move(inventory_);
  }

 private:
  Status TakeImages() {
    ASSIGN_OR_RETURN(std::vector<oci::NamedImage> named,
                     store_.layout().List());
    inventory_.image_count = named.size();
    for (const oci::NamedImage& image : named) {
      TakeImage(image);
    }
    return {};
  }

  // All that is to be found of it is the image's, however damaged it is.
  void TakeImage(const oci::NamedImage& image) {
    const oci::DamagedWalk walk =
        oci::WalkDamagedImage(store_.blobs(), image.descriptor);
    std::set<oci::Digest> told;
    for (const auto& [document, error] : walk.damages) {
      told.insert(document.digest);
      inventory_.broken_images.push_back(image.name + ": " + error.message());
      if (error.code() == ErrorCode::kIo) {
        inventory_.unread_documents.push_back(image.name + ": " +
                                              error.message());
      }
    }
    for (const oci::Descriptor& blob : walk.blobs) {
      inventory_.of_images[blob.digest] = blob.size_bytes;
      auto stat = store_.blobs().Stat(blob.digest);
      if (stat || told.contains(blob.digest)) continue;
      const bool missing = stat.error().code() == ErrorCode::kNotFound;
      inventory_.broken_images.push_back(
          image.name + ": blob " + blob.digest.ToString() +
          (missing ? " is not there" : ": " + stat.error().message()));
    }
  }

  Status TakeSnapshots() {
    const std::string folder = store_.directory() + "/snapshots";
    for (const std::string& kind : NamesIn(folder)) {
      const std::string path = folder + "/" + kind;
      if (!fs::is_directory(path + "/committed")) continue;
      ASSIGN_OR_RETURN(auto snapshots, snapshot::SnapshotStore::Open(path));
      ASSIGN_OR_RETURN(std::vector<SnapshotId> ids, snapshots->List());
      for (const SnapshotId& id : ids) {
        StoredSnapshot stored;
        stored.kind = inventory_.kinds.size();
        stored.id = id;
        const std::string place = path + "/committed/" + id;
        stored.size_bytes = DiskUsage(place);
        stored.created = ModifiedAt(place + "/meta");
        if (auto found = snapshots->Find(id)) stored.parents = found->parents;
        by_id_[id].push_back(inventory_.snapshots.size());
        inventory_.snapshots.push_back(std::move(stored));
      }
      inventory_.kinds.push_back(std::move(snapshots));
    }
    return {};
  }

  // What the steps were called, by key.
  std::map<std::string, std::string> StepNames() const {
    std::map<std::string, std::string> names;
    const std::string folder = store_.directory() + "/cache/steps";
    for (const std::string& file : NamesIn(folder)) {
      auto text = ReadFile(folder + "/" + file, kMostRecordBytes);
      if (!text) continue;
      auto document = ParseJson(*text);
      if (!document) continue;
      auto steps = JsonField(*document).At("steps").Array();
      if (!steps) continue;
      for (const JsonField& step : *steps) {
        auto key = step.At("key").String();
        auto name = step.At("text").String();
        if (key && name) names[*key] = *name;
      }
    }
    return names;
  }

  void TakeSteps() {
    const std::map<std::string, std::string> names = StepNames();
    for (const cache::CacheIndex::Entry& record : index_.Entries()) {
      InventoryEntry entry;
      entry.key = record.key;
      entry.shown.kind = CacheEntry::Kind::kStep;
      entry.shown.id = record.key.Hex();
      entry.shown.last_used = record.used;
      auto name = names.find(record.key.Hex());
      if (name != names.end()) entry.shown.description = name->second;
      TakeSnapshotsOf(record.record.snapshot, entry);
      bool is_there = !entry.snapshots.empty();
      // Of no use without the layer.
      TakeSnapshotsOf(ops::OutlineId(record.record.snapshot), entry);
      for (const oci::LayerBlob& layer : record.layers) {
        is_there = is_there || store_.blobs().Contains(layer.descriptor.digest);
        TakeBlob(layer.descriptor.digest, entry);
      }
      if (!is_there) entry.shown.kind = CacheEntry::Kind::kUnused;
      inventory_.entries.push_back(std::move(entry));
    }
  }

  void TakeSnapshotsOf(const SnapshotId& id, InventoryEntry& entry) {
    if (!taken_.insert(id).second) return;
    for (size_t place : by_id_[id]) {
      entry.snapshots.push_back(place);
      entry.shown.size_bytes += inventory_.snapshots[place].size_bytes;
    }
  }

  // Blobs that images need are not the cache's to remove.
  void TakeBlob(const oci::Digest& digest, InventoryEntry& entry) {
    if (inventory_.of_images.contains(digest)) return;
    auto info = store_.blobs().Stat(digest);
    if (!info || !blobs_.insert(digest).second) return;
    entry.blobs.push_back(digest);
    entry.shown.size_bytes += info->size_bytes;
  }

  // A base's states are called by chain IDs, and so are their outlines; steps'
  // own are shorter.
  void TakeBases() {
    for (const StoredSnapshot& stored : inventory_.snapshots) {
      if (taken_.contains(stored.id)) continue;
      InventoryEntry entry;
      const bool is_outline = ops::IsBaseOutline(stored.id);
      const bool is_base =
          is_outline || stored.id.size() == oci::Digest().Hex().size();
      if (is_outline) entry.shown.description = "outline";
      entry.shown.kind =
          is_base ? CacheEntry::Kind::kBase : CacheEntry::Kind::kUnused;
      entry.shown.id = stored.id;
      entry.shown.last_used = LastUseOf(stored);
      TakeSnapshotsOf(stored.id, entry);
      inventory_.entries.push_back(std::move(entry));
    }
  }

  // A base is used by the steps on top of it.
  oci::Timestamp LastUseOf(const StoredSnapshot& base) const {
    oci::Timestamp used = base.created;
    for (const InventoryEntry& entry : inventory_.entries) {
      for (size_t place : entry.snapshots) {
        const auto& parents = inventory_.snapshots[place].parents;
        if (std::ranges::find(parents, base.id) != parents.end()) {
          used = std::max(used, entry.shown.last_used);
        }
      }
    }
    return used;
  }

  void TakeMounts() {
    const std::string folder = store_.mounts_directory();
    for (const std::string& name : NamesIn(folder)) {
      const std::string path = folder + "/" + name;
      if (!fs::is_directory(path) || name.ends_with(".new")) continue;
      InventoryEntry entry;
      entry.shown.kind = CacheEntry::Kind::kMount;
      entry.shown.id = name;
      entry.paths = {path, path + ".owners"};
      for (const std::string& part : entry.paths) {
        entry.shown.size_bytes += DiskUsage(part);
      }
      entry.shown.last_used =
          std::max(ModifiedAt(path), ModifiedAt(path + ".lock"));
      inventory_.entries.push_back(std::move(entry));
    }
  }

  Status TakeFetched() {
    auto text = ReadFile(store_.fetched_path(), kMostRecordBytes);
    if (!text) return {};
    for (std::string_view line : Split(*text, '\n')) {
      auto document = ParseJson(line);
      if (!document) continue;
      auto digest_text = JsonField(*document).At("digest").String();
      auto from = JsonField(*document).At("from").String();
      auto digest = oci::Digest::Parse(digest_text ? *digest_text : "");
      if (!digest) continue;
      InventoryEntry entry;
      entry.shown.kind = CacheEntry::Kind::kFetch;
      entry.shown.id = digest->Hex();
      entry.shown.last_used = ModifiedAt(store_.blobs().PathOf(*digest));
      if (from) entry.shown.description = *from;
      TakeBlob(*digest, entry);
      if (!entry.blobs.empty()) inventory_.entries.push_back(std::move(entry));
    }
    return {};
  }

  Status TakeRest() {
    ASSIGN_OR_RETURN(std::vector<oci::BlobInfo> blobs, store_.blobs().List());
    for (const oci::BlobInfo& blob : blobs) {
      if (blobs_.contains(blob.digest)) continue;
      if (inventory_.of_images.contains(blob.digest)) continue;
      InventoryEntry entry;
      entry.shown.kind = CacheEntry::Kind::kUnused;
      entry.shown.id = blob.digest.Hex();
      entry.shown.last_used = ModifiedAt(store_.blobs().PathOf(blob.digest));
      TakeBlob(blob.digest, entry);
      inventory_.entries.push_back(std::move(entry));
    }
    return {};
  }

  const Store& store_;
  const cache::CacheIndex& index_;
  Inventory inventory_;
  std::map<SnapshotId, std::vector<size_t>> by_id_;
  std::set<SnapshotId> taken_;
  std::set<oci::Digest> blobs_;
};

}  // namespace

uint64_t DiskUsage(const std::string& path) {
  struct stat top = {};
  if (::lstat(path.c_str(), &top) != 0) return 0;
  uint64_t bytes = static_cast<uint64_t>(top.st_blocks) * kBlockBytes;
  if (!S_ISDIR(top.st_mode)) return bytes;
  auto directory = OpenFile(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) return bytes;
  std::set<uint64_t> seen;  // hard links count once
  TreeWalkOptions options;
  options.open_up = true;
  // What cannot be read is not counted.
  (void)WalkTree(directory->get(), options,
                 [&](const TreeEntry& entry) -> Result<TreeStep> {
                   const bool counts = entry.stat->stx_nlink < 2 ||
                                       seen.insert(entry.stat->stx_ino).second;
                   if (counts) bytes += entry.stat->stx_blocks * kBlockBytes;
                   return TreeStep::kContinue;
                 })
      .has_value();
  return bytes;
}

Status RemoveTemporaryFiles(const Store& store) {
  const std::string folder = store.temporary_directory();
  for (const std::string& name : NamesIn(folder)) {
    RETURN_IF_ERROR(RemoveAllAtPath(folder + "/" + name));
  }
  return {};
}

Result<Inventory> TakeInventory(const Store& store,
                                const cache::CacheIndex& index) {
  return Taker(store, index).Take();
}

}  // namespace strake::builder
