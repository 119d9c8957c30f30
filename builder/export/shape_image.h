// An image as an output wants it: layers compressed in another way, Docker's
// media types, annotations.

#ifndef STRAKE_BUILDER_EXPORT_SHAPE_IMAGE_H_
#define STRAKE_BUILDER_EXPORT_SHAPE_IMAGE_H_

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "builder/export/assemble_image.h"
#include "builder/output.h"
#include "oci/blob_store.h"
#include "oci/convert_layer.h"
#include "util/result.h"

namespace strake::builder::exporter {

// The form in which the outputs that are images agree to have their layers, if
// they do, and if layers can be made in it at once.
std::optional<oci::LayerForm> CommonLayerForm(
    const std::vector<Output>& outputs);

// Not thread-safe. A layer that several outputs want in one form is converted
// once.
class ImageShaper {
 public:
  //   made   the form of the layers that the build made
  //   fetch  brings a layer that the store lacks into it
  // `store` is borrowed.
  ImageShaper(const oci::BlobStore& store, std::optional<oci::LayerForm> made,
              std::function<Status(const oci::Descriptor&)> fetch)
      : store_(store), made_(std::move(made)), fetch_(std::move(fetch)) {}

  // `image` (a manifest or an index) as `output` wants it. Its own documents
  // stay as they are; the new ones are in the store. Errors:
  // `kInvalidArgument` where an annotation has no place, `kUnsupported` where
  // Docker has no media type for a layer.
  Result<AssembledImage> Shape(const AssembledImage& image,
                               const Output& output);

 private:
  Result<oci::LayerBlob> Convert(const oci::Descriptor& layer,
                                 const oci::LayerForm& form);
  Status ShapeLayers(const AssembledImage& image, const Output& output,
                     oci::Manifest& manifest, oci::ImageConfig& config);
  Result<AssembledImage> ShapeManifest(const AssembledImage& image,
                                       const oci::Descriptor& document,
                                       const Output& output);
  Result<AssembledImage> ShapeIndex(const AssembledImage& image,
                                    const Output& output);

  const oci::BlobStore& store_;
  const std::optional<oci::LayerForm> made_;
  const std::function<Status(const oci::Descriptor&)> fetch_;
  struct Converted {
    oci::Digest from;
    oci::LayerForm form;
    oci::LayerBlob layer;
  };
  std::vector<Converted> converted_;
};

}  // namespace strake::builder::exporter

#endif  // STRAKE_BUILDER_EXPORT_SHAPE_IMAGE_H_
