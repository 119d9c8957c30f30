#include "oci/validate.h"

#include <algorithm>

#include "oci/compressor.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/walk.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

// Reads the blob once more, whatever the store believes of it.
Status CheckBlob(const BlobStore& store, const Descriptor& blob) {
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> source, store.Open(blob));
  NullSink nothing;
  HashingSink hashing(nothing);
  ASSIGN_OR_RETURN(uint64_t size, CopyAll(*source, hashing));
  static_cast<void>(size);
  Digest seen = hashing.digest();
  if (seen == blob.digest) return {};
  return Corrupt("blob " + blob.digest.ToString() + " has digest " +
                 seen.ToString());
}

Status CheckLayer(const BlobStore& store, const Descriptor& layer,
                  const Digest& diff_id) {
  ASSIGN_OR_RETURN(Compression compression, LayerCompression(layer.media_type));
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> blob, store.Open(layer));
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> tar,
                   NewDecompressor(compression, *blob));
  NullSink nothing;
  HashingSink hashing(nothing);
  auto copied = CopyAll(*tar, hashing);
  std::string name = "layer " + layer.digest.ToString();
  if (!copied) return std::move(copied).error().Wrap(name);
  Digest seen = hashing.digest();
  if (seen == diff_id) return {};
  return Corrupt(name + ": the config promises diff ID " + diff_id.ToString() +
                 ", but it is " + seen.ToString());
}

Status CheckManifest(const BlobStore& store, const Descriptor& descriptor) {
  ASSIGN_OR_RETURN(std::string text, store.Read(descriptor.digest));
  ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(text));
  // An artifact's config says nothing about its layers.
  if (!IsConfig(manifest.config.media_type)) return {};
  ASSIGN_OR_RETURN(std::string config_text, store.Read(manifest.config.digest));
  std::string name = "config " + manifest.config.digest.ToString();
  auto config = ParseImageConfig(config_text);
  if (!config) return Corrupt(name + ": " + config.error().message());
  // Attestation manifests have an image's config without any diff ID's layer.
  bool is_image = std::ranges::any_of(
      manifest.layers,
      [](const Descriptor& layer) { return IsLayer(layer.media_type); });
  if (!is_image && !manifest.layers.empty()) return {};
  size_t layers = manifest.layers.size();
  if (config->diff_ids.size() != layers) {
    return Corrupt(name + " has " + std::to_string(config->diff_ids.size()) +
                   " diff IDs for " + std::to_string(layers) + " layers");
  }
  // History is optional as a whole.
  size_t described = static_cast<size_t>(
      std::ranges::count(config->history, false, &History::empty_layer));
  if (!config->history.empty() && described != layers) {
    return Corrupt(name + ": its history describes " +
                   std::to_string(described) + " layers, but there are " +
                   std::to_string(layers));
  }
  for (size_t i = 0; i < layers; ++i) {
    RETURN_IF_ERROR(CheckLayer(store, manifest.layers[i], config->diff_ids[i]));
  }
  return {};
}

}  // namespace

Status ValidateImage(const BlobStore& store, const Descriptor& root) {
  ASSIGN_OR_RETURN(std::vector<Descriptor> blobs, WalkImage(store, root));
  for (const Descriptor& blob : blobs) {
    RETURN_IF_ERROR(CheckBlob(store, blob));
  }
  for (const Descriptor& blob : blobs) {
    if (!IsManifest(blob.media_type)) continue;
    Status checked = CheckManifest(store, blob);
    if (!checked) {
      return std::move(checked).error().Wrap("image " + blob.digest.ToString());
    }
  }
  return {};
}

}  // namespace strake::oci
