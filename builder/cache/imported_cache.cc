#include "builder/cache/imported_cache.h"

#include <algorithm>
#include <span>

#include "oci/copy_blob.h"
#include "oci/image_config.h"
#include "oci/layer_blob.h"
#include "oci/manifest.h"
#include "registry/pull.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder::cache {
namespace {

constexpr uint64_t kMaxConfigBytes = uint64_t{64} << 20;

// The cache that `config`, of this media type, holds.
Result<PortableCache> ReadConfig(const std::string& media_type,
                                 std::string_view config) {
  if (media_type == kMediaTypeCacheConfig) return ParsePortableCache(config);
  ASSIGN_OR_RETURN(oci::ImageConfig image, oci::ParseImageConfig(config));
  auto member = image.other_members.find(std::string(kInlineCacheMember));
  if (member == image.other_members.end()) {
    return NotFound("an image without a cache of strake's inside");
  }
  return ParsePortableCache(member->second);
}

Status CheckSize(const oci::Descriptor& config) {
  if (config.size_bytes <= kMaxConfigBytes) return {};
  return Corrupt("its description is said to have " +
                 std::to_string(config.size_bytes) + " bytes");
}

}  // namespace

Result<PortableCache> ImportedCache::AddRegistry(
    const oci::Reference& reference, const oci::Platform& platform) {
  ASSIGN_OR_RETURN(registry::FetchedManifest fetched,
                   client_.FetchManifest(reference, stop_));
  while (oci::IsIndex(fetched.descriptor.media_type)) {
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(fetched.bytes));
    ASSIGN_OR_RETURN(oci::Descriptor selected,
                     oci::SelectPlatform(index, platform));
    ASSIGN_OR_RETURN(fetched,
                     client_.FetchManifest(
                         oci::ByDigest(reference, selected.digest), stop_));
  }
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(fetched.bytes));
  RETURN_IF_ERROR(CheckSize(manifest.config));
  MemorySink config;
  RETURN_IF_ERROR(
      client_.FetchBlob(reference, manifest.config, config, {}, stop_));
  ASSIGN_OR_RETURN(PortableCache cache,
                   ReadConfig(manifest.config.media_type, config.bytes()));
  Add(reference, cache);
  return cache;
}

Result<PortableCache> ImportedCache::AddLayout(const std::string& folder,
                                               const std::string& tag) {
  ASSIGN_OR_RETURN(
      oci::ImageLayout layout,
      oci::ImageLayout::Open(folder, oci::ImageLayout::OpenMode::kMustExist));
  ASSIGN_OR_RETURN(oci::Descriptor found, layout.Find(tag));
  ASSIGN_OR_RETURN(std::string text, layout.blobs().Read(found.digest));
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(text));
  RETURN_IF_ERROR(CheckSize(manifest.config));
  ASSIGN_OR_RETURN(
      std::string config,
      layout.blobs().Read(manifest.config.digest, kMaxConfigBytes));
  ASSIGN_OR_RETURN(PortableCache cache,
                   ReadConfig(manifest.config.media_type, config));
  Add(std::move(layout), cache);
  return cache;
}

void ImportedCache::Add(Origin origin, const PortableCache& cache) {
  for (const auto& [name, layer] : cache.layers) {
    described_[layer.descriptor.digest].push_back(origins_.size());
    diff_ids_[layer.descriptor.digest].insert(layer.diff_id);
  }
  for (const auto& [name, mount] : cache.mounts) {
    mounts_.try_emplace(name, mount);
    for (const oci::Descriptor& piece : mount.pieces) {
      described_[piece.digest].push_back(origins_.size());
    }
  }
  origins_.push_back(std::move(origin));
}

const PortableMount* ImportedCache::FindMount(const std::string& name) const {
  auto it = mounts_.find(name);
  return it == mounts_.end() ? nullptr : &it->second;
}

bool ImportedCache::Has(const Origin& origin,
                        const oci::Descriptor& blob) const {
  if (const auto* layout = std::get_if<oci::ImageLayout>(&origin)) {
    return layout->blobs().Contains(blob.digest);
  }
  auto answer =
      client_.HasBlob(std::get<oci::Reference>(origin), blob.digest, stop_);
  return answer && *answer;
}

bool ImportedCache::Offers(const oci::Descriptor& blob) const {
  auto described = described_.find(blob.digest);
  if (described == described_.end()) return false;
  if (auto found = found_.lock(); found->contains(blob.digest)) {
    return found->at(blob.digest).has_value();
  }
  // Asked without the lock: two threads may ask for one blob, and get one
  // answer.
  std::optional<size_t> who;
  for (size_t i : described->second) {
    if (!who && Has(origins_[i], blob)) who = i;
  }
  found_.lock()->insert({blob.digest, who});
  return who.has_value();
}

Status ImportedCache::FetchMountPiece(
    const oci::Descriptor& piece,
    const registry::ProgressCallback& progress) const {
  if (blobs_.Contains(piece.digest)) return {};
  if (!Offers(piece)) {
    return NotFound("blob " + piece.digest.ToString() +
                    " is in none of the caches");
  }
  return FetchFrom(origins_[*found_.lock()->at(piece.digest)], piece, progress);
}

Status ImportedCache::Fetch(const oci::Descriptor& blob,
                            const registry::ProgressCallback& progress) const {
  Status fetched = FetchMountPiece(blob, progress);
  if (fetched) fetched = CheckDiffId(blob);
  if (!fetched) MarkBroken(fetched.error());
  return fetched;
}

void ImportedCache::MarkBroken(const Error& reason) const {
  if (reason.code() != ErrorCode::kCancelled) *broken_.lock() = reason;
}

Status ImportedCache::CheckDiffId(const oci::Descriptor& layer) const {
  auto told = diff_ids_.find(layer.digest);
  if (told == diff_ids_.end() || checked_.lock()->contains(layer.digest)) {
    return {};
  }
  auto seen = oci::ComputeDiffId(layer, blobs_);
  if (!seen) {
    return std::move(seen).error().Wrap("layer " + layer.digest.ToString());
  }
  for (const oci::Digest& diff_id : told->second) {
    if (diff_id == *seen) continue;
    return Corrupt("the diff ID of layer " + layer.digest.ToString() +
                   " should be " + diff_id.ToString() + ", but is " +
                   seen->ToString());
  }
  checked_.lock()->insert(layer.digest);
  return {};
}

Status ImportedCache::FetchFrom(
    const Origin& origin, const oci::Descriptor& blob,
    const registry::ProgressCallback& progress) const {
  if (const auto* layout = std::get_if<oci::ImageLayout>(&origin)) {
    return oci::CopyBlob(blob, layout->blobs(), blobs_);
  }
  registry::PullOptions options;
  options.progress = progress;
  options.stop = stop_;
  return registry::PullLayers(client_, std::get<oci::Reference>(origin),
                              std::span(&blob, 1), blobs_, options);
}

size_t ImportedCache::missing() const {
  auto found = found_.lock();
  return static_cast<size_t>(std::ranges::count_if(
      *found, [](const auto& entry) { return !entry.second.has_value(); }));
}

void ImportedCache::Forget() {
  origins_.clear();
  described_.clear();
  diff_ids_.clear();
  mounts_.clear();
  found_.lock()->clear();
  broken_.lock()->reset();
}

}  // namespace strake::builder::cache
