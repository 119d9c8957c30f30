#include "builder/export/shape_image.h"

#include <algorithm>
#include <string>
#include <utility>

#include "oci/estargz.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {
namespace {

using Place = Annotation::Place;

bool ChangesImage(const Output& output) {
  return output.layers || output.docker_media_types ||
         !output.annotations.empty();
}

bool Contains(const std::vector<oci::Descriptor>& layers,
              const oci::Descriptor& layer) {
  return std::ranges::find(layers, layer.digest, &oci::Descriptor::digest) !=
         layers.end();
}

// Whether a layer of the base has the form already; nobody can tell the level.
Result<bool> HasForm(const oci::Descriptor& layer, const oci::LayerForm& form) {
  ASSIGN_OR_RETURN(oci::Compression compression,
                   oci::LayerCompression(layer.media_type));
  bool estargz =
      layer.annotations.contains(std::string(oci::kEstargzTocDigest));
  return compression == form.compression.algorithm && estargz == form.estargz;
}

void Annotate(const std::vector<Annotation>& annotations, Place place,
              const std::optional<oci::Platform>& platform,
              std::map<std::string, std::string>& target) {
  for (const Annotation& annotation : annotations) {
    bool meant = !annotation.platform || !platform ||
                 oci::NormalizePlatform(*annotation.platform) ==
                     oci::NormalizePlatform(*platform);
    if (annotation.place == place && meant) {
      target[annotation.key] = annotation.value;
    }
  }
}

Status UseDockerMediaTypes(oci::Manifest& manifest) {
  manifest.family = oci::MediaTypeFamily::kDocker;
  for (oci::Descriptor& layer : manifest.layers) {
    ASSIGN_OR_RETURN(
        layer.media_type,
        oci::LayerMediaTypeIn(oci::MediaTypeFamily::kDocker, layer.media_type));
  }
  return {};
}

// An index has a place for annotations only where there is one.
Status CheckPlaces(const AssembledImage& image, const Output& output) {
  if (oci::IsIndex(image.manifest.media_type)) return {};
  for (const Annotation& annotation : output.annotations) {
    if (annotation.place == Place::kIndex ||
        annotation.place == Place::kIndexDescriptor) {
      return InvalidArgument("annotation \"" + annotation.key +
                             "\" is for an index, and an image of one platform "
                             "has none");
    }
  }
  return {};
}

}  // namespace

std::optional<oci::LayerForm> CommonLayerForm(
    const std::vector<Output>& outputs) {
  std::optional<oci::LayerForm> common;
  for (const Output& output : outputs) {
    if (!output.IsImage()) continue;
    if (!output.layers || output.layers->estargz) return {};
    if (common && !(*common == *output.layers)) return {};
    common = output.layers;
  }
  return common;
}

Result<oci::LayerBlob> ImageShaper::Convert(const oci::Descriptor& layer,
                                            const oci::LayerForm& form) {
  for (const Converted& known : converted_) {
    if (known.from == layer.digest && known.form == form) return known.layer;
  }
  if (!store_.Contains(layer.digest) && fetch_) {
    RETURN_IF_ERROR(fetch_(layer));
  }
  ASSIGN_OR_RETURN(oci::LayerBlob made, oci::ConvertLayer(layer, form, store_));
  converted_.push_back({layer.digest, form, made});
  return made;
}

Status ImageShaper::ShapeLayers(const AssembledImage& image,
                                const Output& output, oci::Manifest& manifest,
                                oci::ImageConfig& config) {
  const oci::LayerForm& form = *output.layers;
  if (config.diff_ids.size() != manifest.layers.size()) {
    return Internal("an image with " + std::to_string(manifest.layers.size()) +
                    " layers and " + std::to_string(config.diff_ids.size()) +
                    " diff IDs");
  }
  for (size_t i = 0; i < manifest.layers.size(); ++i) {
    oci::Descriptor& layer = manifest.layers[i];
    bool of_base = Contains(image.base_layers, layer);
    if (of_base) {
      if (!output.force_compression) continue;
      ASSIGN_OR_RETURN(bool has_form, HasForm(layer, form));
      if (has_form) continue;
    } else if (made_ && *made_ == form) {
      continue;
    }
    ASSIGN_OR_RETURN(oci::LayerBlob converted, Convert(layer, form));
    layer = converted.descriptor;
    config.diff_ids[i] = converted.diff_id;
  }
  return {};
}

Result<AssembledImage> ImageShaper::ShapeManifest(
    const AssembledImage& image, const oci::Descriptor& document,
    const Output& output) {
  ASSIGN_OR_RETURN(std::string text, store_.Read(document.digest));
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(text));
  ASSIGN_OR_RETURN(text, store_.Read(manifest.config.digest));
  ASSIGN_OR_RETURN(oci::ImageConfig config, oci::ParseImageConfig(text));
  AssembledImage shaped = image;
  if (output.layers) {
    RETURN_IF_ERROR(ShapeLayers(image, output, manifest, config));
  }
  std::string_view config_type = oci::kMediaTypeConfig;
  std::string_view manifest_type = oci::kMediaTypeManifest;
  if (output.docker_media_types) {
    RETURN_IF_ERROR(UseDockerMediaTypes(manifest));
    config_type = oci::kDockerMediaTypeConfig;
    manifest_type = oci::kDockerMediaTypeManifest;
  }
  Annotate(output.annotations, Place::kManifest, config.platform,
           manifest.annotations);
  ASSIGN_OR_RETURN(shaped.config,
                   store_.Put(oci::SerializeImageConfig(config), config_type));
  manifest.config = shaped.config;
  ASSIGN_OR_RETURN(oci::Descriptor written,
                   store_.Put(oci::SerializeManifest(manifest), manifest_type));
  shaped.manifest.media_type = written.media_type;
  shaped.manifest.digest = written.digest;
  shaped.manifest.size_bytes = written.size_bytes;
  Annotate(output.annotations, Place::kManifestDescriptor, config.platform,
           shaped.manifest.annotations);
  return shaped;
}

Result<AssembledImage> ImageShaper::ShapeIndex(const AssembledImage& image,
                                               const Output& output) {
  ASSIGN_OR_RETURN(std::string text, store_.Read(image.manifest.digest));
  ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(text));
  for (oci::Descriptor& entry : index.manifests) {
    if (!oci::IsManifest(entry.media_type)) continue;
    AssembledImage one = image;
    one.manifest = entry;
    ASSIGN_OR_RETURN(one, ShapeManifest(one, entry, output));
    entry = one.manifest;
  }
  if (output.docker_media_types) index.family = oci::MediaTypeFamily::kDocker;
  Annotate(output.annotations, Place::kIndex, {}, index.annotations);
  AssembledImage shaped = image;
  ASSIGN_OR_RETURN(shaped.manifest, store_.Put(oci::SerializeIndex(index),
                                               output.docker_media_types
                                                   ? oci::kDockerMediaTypeIndex
                                                   : oci::kMediaTypeIndex));
  Annotate(output.annotations, Place::kIndexDescriptor, {},
           shaped.manifest.annotations);
  return shaped;
}

Result<AssembledImage> ImageShaper::Shape(const AssembledImage& image,
                                          const Output& output) {
  RETURN_IF_ERROR(CheckPlaces(image, output));
  if (!ChangesImage(output)) return image;
  if (oci::IsIndex(image.manifest.media_type)) return ShapeIndex(image, output);
  return ShapeManifest(image, image.manifest, output);
}

}  // namespace strake::builder::exporter
