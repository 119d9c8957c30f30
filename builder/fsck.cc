#include "builder/fsck.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <set>
#include <utility>

#include "builder/store_inventory.h"
#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kOrphanAge{1};

bool IsOlderThan(const std::string& path, std::chrono::seconds age) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0) return false;
  const auto modified =
      std::chrono::system_clock::from_time_t(status.st_mtim.tv_sec);
  return std::chrono::system_clock::now() - modified > age;
}

std::string Count(size_t number, const char* one, const char* many) {
  return std::to_string(number) + " " + (number == 1 ? one : many);
}

class Checker {
 public:
  // `repair`: the store is this process's alone.
  Checker(const Store& store, cache::CacheIndex& index, bool repair)
      : store_(store), index_(index), repair_(repair) {}

  Result<FsckReport> Check() {
    RETURN_IF_ERROR(CheckBlobs());
    // What is damaged and was removed is missing from here on.
    ASSIGN_OR_RETURN(inventory_, TakeInventory(store_, index_));
    CheckImages();
    RETURN_IF_ERROR(CheckSnapshots());
    RETURN_IF_ERROR(CheckIndex());
    RETURN_IF_ERROR(CheckOrphans());
    for (const InventoryEntry& entry : inventory_.entries) {
      if (entry.shown.kind == CacheEntry::Kind::kUnused) ++unused_;
    }
    if (unused_ > 0) {
      report_.notes.push_back(Count(unused_, "thing that nothing leads to",
                                    "things that nothing leads to") +
                              "; strake cache prune removes them");
    }
    return std::move(report_);
  }

 private:
  void Problem(std::string what, bool repaired) {
    report_.problems.push_back({std::move(what), repaired});
  }

  Status CheckBlobs() {
    ASSIGN_OR_RETURN(std::vector<oci::BlobInfo> blobs, store_.blobs().List());
    for (const oci::BlobInfo& blob : blobs) {
      const std::string name = "blob " + blob.digest.ToString();
      auto found = HashOf(blob.digest);
      if (!found) {
        // Not to be read now is not damaged: its bytes may be right.
        Problem(name + ": cannot be read: " + found.error().message(), false);
        continue;
      }
      ++report_.blobs;
      report_.blob_bytes += blob.size_bytes;
      if (*found == blob.digest) continue;
      if (repair_) RETURN_IF_ERROR(store_.blobs().Remove(blob.digest));
      Problem(name + ": its content is " + found->ToString(), repair_);
    }
    return {};
  }

  // Read as a file: the store's own word is what is checked.
  Result<oci::Digest> HashOf(const oci::Digest& digest) {
    ASSIGN_OR_RETURN(UniqueFd file,
                     OpenFile(store_.blobs().PathOf(digest).c_str(),
                              O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    FdSource content(file.get());
    oci::Hasher hasher;
    while (true) {
      ASSIGN_OR_RETURN(const size_t count, content.Read(buffer_));
      if (count == 0) break;
      hasher.Update(std::span(buffer_).first(count));
    }
    return hasher.Finish();
  }

  // Only the user knows where an image is to be had from.
  void CheckImages() {
    report_.images = inventory_.image_count;
    for (const std::string& image : inventory_.broken_images) {
      Problem("image " + image + "; build or pull it again, or remove it",
              false);
    }
  }

  Status CheckSnapshots() {
    report_.snapshots = inventory_.snapshots.size();
    std::set<std::pair<size_t, std::string>> known;
    for (const StoredSnapshot& stored : inventory_.snapshots) {
      known.insert({stored.kind, stored.id});
    }
    for (const StoredSnapshot& stored : inventory_.snapshots) {
      const auto& kind = inventory_.kinds[stored.kind];
      std::string what;
      if (auto found = kind->Find(stored.id); !found) {
        what = found.error().message();
      }
      for (const auto& parent : stored.parents) {
        if (known.contains({stored.kind, parent})) continue;
        what = "its parent " + parent + " is not there";
      }
      if (what.empty()) continue;
      if (repair_) RETURN_IF_ERROR(kind->Remove(stored.id));
      Problem("snapshot " + stored.id + ": " + what, repair_);
    }
    return {};
  }

  Status CheckIndex() {
    std::set<oci::Digest> empty;
    for (const cache::CacheIndex::Entry& entry : index_.Entries()) {
      ++report_.index_entries;
      bool usable =
          std::ranges::any_of(inventory_.kinds, [&](const auto& kind) {
            return kind->Exists(entry.record.snapshot);
          });
      for (const oci::LayerBlob& layer : entry.layers) {
        auto blob = store_.blobs().Stat(layer.descriptor.digest);
        if (!blob) continue;
        usable = true;
        if (blob->size_bytes == layer.descriptor.size_bytes) continue;
        empty.insert(entry.key);
        Problem("index entry " + entry.key.Hex() + ": its layer " +
                    layer.descriptor.digest.ToString() + " has another size",
                repair_);
      }
      if (!usable) empty.insert(entry.key);
    }
    if (!empty.empty()) {
      report_.notes.push_back(Count(empty.size(), "index entry whose result is",
                                    "index entries whose results are") +
                              " not here");
    }
    if (const size_t lines = index_.damaged_lines(); lines > 0) {
      report_.notes.push_back(Count(lines,
                                    "line of the index that says nothing, as a "
                                    "process left it that was killed",
                                    "lines of the index that say nothing, as "
                                    "processes left them that were killed"));
    }
    if (repair_) return index_.Forget(empty);
    return {};
  }

  // What processes were writing when they were killed. The next build removes
  // it; an old one means that none could.
  Status CheckOrphans() {
    size_t young = 0;
    const std::string top = store_.directory();
    std::vector<std::pair<std::string, std::string>> folders = {
        {top + "/.strake/ingest", ""}, {top + "/tmp", ""}};
    for (const auto& kind : inventory_.kinds) {
      folders.push_back({kind->directory() + "/active", "/fs"});
    }
    for (const auto& [folder, lock] : folders) {
      std::error_code error;
      for (const auto& entry : fs::directory_iterator(folder, error)) {
        const std::string path = entry.path().string();
        if (!repair_ && InUse(path + lock)) continue;
        if (!IsOlderThan(path, kOrphanAge)) {
          ++young;
          continue;
        }
        Problem(
            "left by a process that was killed: " + path.substr(top.size() + 1),
            repair_);
      }
    }
    if (young > 0) {
      report_.notes.push_back(
          Count(young, "thing", "things") +
          " of processes that were killed less than an hour ago");
    }
    return repair_ ? RemoveOrphans() : Status();
  }

  static bool InUse(const std::string& path) {
    if (!fs::exists(path)) return false;
    auto lock = FileLock::TryAcquire(path, FileLock::Mode::kExclusive);
    return lock && !*lock;
  }

  Status RemoveOrphans() {
    for (const auto& kind : inventory_.kinds) {
      RETURN_IF_ERROR(kind->RemoveAbandoned());
    }
    RETURN_IF_ERROR(store_.blobs().RemoveAbandonedIngests());
    return RemoveTemporaryFiles(store_);
  }

  const Store& store_;
  cache::CacheIndex& index_;
  const bool repair_;
  Inventory inventory_;
  FsckReport report_;
  size_t unused_ = 0;
  std::vector<std::byte> buffer_ = std::vector<std::byte>(1 << 18);
};

}  // namespace

bool FsckReport::sound() const {
  return std::ranges::all_of(problems, &Problem::repaired);
}

Result<FsckReport> CheckStore(const std::string& store_directory,
                              const FsckOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(store_directory));
  if (options.repair) {
    ASSIGN_OR_RETURN(const bool alone, store.OwnAlone());
    if (!alone) {
      return Error(ErrorCode::kUnavailable,
                   "other strakes are using the store " + store_directory +
                       ": it is repaired when they have ended");
    }
  }
  ASSIGN_OR_RETURN(cache::CacheIndex index,
                   cache::CacheIndex::Open(store.cache_index_path()));
  return Checker(store, index, options.repair).Check();
}

}  // namespace strake::builder
