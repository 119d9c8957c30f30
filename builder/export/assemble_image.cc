#include "builder/export/assemble_image.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "oci/manifest.h"
#include "oci/media_type.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {
namespace {

using oci::Timestamp;

// Gives every entry beyond the base's its time.
void SetHistoryTimes(oci::ImageConfig& config, size_t base_history,
                     const std::vector<Timestamp>& layer_times,
                     Timestamp fallback) {
  auto& history = config.history;
  size_t layer = 0;
  std::optional<Timestamp> last;
  for (size_t i = base_history; i < history.size(); ++i) {
    if (!history[i].empty_layer && layer < layer_times.size()) {
      last = layer_times[layer++];
    }
    history[i].created = last;
  }
  Timestamp first = layer_times.empty() ? fallback : layer_times.front();
  for (size_t i = base_history; i < history.size(); ++i) {
    if (!history[i].created) history[i].created = first;
  }
}

}  // namespace

Result<AssembledImage> AssembleImage(const plan::BuildGraph& graph,
                                     const plan::TargetImage& target,
                                     const solve::SolvedImage& solved,
                                     Timestamp now,
                                     const std::optional<Timestamp>& epoch,
                                     const cache::PortableCache* cache,
                                     const oci::BlobStore& store) {
  AssembledImage image;
  oci::ImageConfig config = target.config;
  config.diff_ids.clear();
  if (!target.layers.empty()) {
    const plan::Op& first = graph.vertex(target.layers.front()).op;
    if (const auto* base = std::get_if<plan::ImageOp>(&first)) {
      image.base_layers = base->layers;
      config.diff_ids = base->diff_ids;
    }
  }
  auto clamp = [&](Timestamp time) {
    return epoch ? std::min(time, *epoch) : time;
  };
  oci::Manifest manifest;
  manifest.layers = image.base_layers;
  // Base layers keep their bytes; their Docker media types get OCI's names, and
  // foreign layers become ordinary ones.
  for (oci::Descriptor& layer : manifest.layers) {
    ASSIGN_OR_RETURN(
        layer.media_type,
        oci::LayerMediaTypeIn(oci::MediaTypeFamily::kOci, layer.media_type));
    layer.urls.clear();
  }
  std::vector<Timestamp> times;
  for (const solve::SolvedLayer& layer : solved.layers) {
    manifest.layers.push_back(layer.blob.descriptor);
    config.diff_ids.push_back(layer.blob.diff_id);
    times.push_back(clamp(layer.created));
  }
  SetHistoryTimes(config, target.base_history, times, clamp(now));
  config.created =
      config.history.empty() ? clamp(now) : config.history.back().created;

  if (cache != nullptr) {
    config.other_members[std::string(cache::kInlineCacheMember)] =
        cache::SerializePortableCache(*cache);
  }

  ASSIGN_OR_RETURN(image.config, store.Put(oci::SerializeImageConfig(config),
                                           oci::kMediaTypeConfig));
  manifest.config = image.config;
  ASSIGN_OR_RETURN(image.manifest, store.Put(oci::SerializeManifest(manifest),
                                             oci::kMediaTypeManifest));
  image.platform = oci::NormalizePlatform(config.platform);
  return image;
}

Result<AssembledImage> AssembleIndex(const std::vector<AssembledImage>& images,
                                     const oci::BlobStore& store) {
  AssembledImage all;
  oci::Index index;
  for (const AssembledImage& image : images) {
    oci::Descriptor& entry = index.manifests.emplace_back(image.manifest);
    entry.platform = image.platform;
    all.base_layers.insert(all.base_layers.end(), image.base_layers.begin(),
                           image.base_layers.end());
  }
  ASSIGN_OR_RETURN(all.manifest,
                   store.Put(oci::SerializeIndex(index), oci::kMediaTypeIndex));
  return all;
}

}  // namespace strake::builder::exporter
