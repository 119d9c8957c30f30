#include "builder/context/layout_image.h"

#include <utility>
#include <vector>

#include "oci/copy_blob.h"
#include "oci/media_type.h"
#include "oci/walk.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::context {
namespace {

bool HasTag(const oci::NamedImage& image, const std::string& tag) {
  if (image.name == tag) return true;
  auto reference = oci::ParseReference(image.name);
  return reference && reference->tag == tag;
}

}  // namespace

Result<oci::Descriptor> FindLayoutImage(const LayoutContext& wanted,
                                        const oci::ImageLayout& layout) {
  ASSIGN_OR_RETURN(std::vector<oci::NamedImage> images, layout.List());
  std::vector<std::string> names;
  for (const oci::NamedImage& image : images) {
    names.push_back(image.name);
    if (wanted.digest && image.descriptor.digest == *wanted.digest) {
      return image.descriptor;
    }
    if (!wanted.digest &&
        HasTag(image, wanted.tag.empty() ? "latest" : wanted.tag)) {
      return image.descriptor;
    }
  }
  // Also a manifest of an index that has a name.
  for (const oci::NamedImage& image : images) {
    if (!wanted.digest) break;
    for (const oci::Descriptor& part :
         oci::WalkDamagedImage(layout.blobs(), image.descriptor).blobs) {
      const bool is_image =
          oci::IsIndex(part.media_type) || oci::IsManifest(part.media_type);
      if (is_image && part.digest == *wanted.digest) return part;
    }
  }
  bool any = wanted.tag.empty() && !wanted.digest;
  if (any && images.size() == 1) return images[0].descriptor;
  return NotFound(
      "the layout " + wanted.folder + " has no image " +
      (wanted.digest ? wanted.digest->ToString() : "\"" + wanted.tag + "\"") +
      "; there are " + Join(names, ", "));
}

oci::Reference StoredImageReference(const oci::Digest& digest) {
  oci::Reference reference;
  // RFC 2606: no name in ".invalid" exists.
  reference.registry = "store.invalid";
  reference.repository = "image";
  reference.digest = digest;
  return reference;
}

Result<oci::Reference> ImportLayoutImage(const std::string& text,
                                         const oci::BlobStore& store) {
  ASSIGN_OR_RETURN(LayoutContext wanted, ParseLayoutContext(text));
  ASSIGN_OR_RETURN(oci::ImageLayout layout,
                   oci::ImageLayout::Open(
                       wanted.folder, oci::ImageLayout::OpenMode::kMustExist));
  ASSIGN_OR_RETURN(oci::Descriptor image, FindLayoutImage(wanted, layout));
  ASSIGN_OR_RETURN(std::vector<oci::Descriptor> blobs,
                   oci::WalkImage(layout.blobs(), image));
  for (const oci::Descriptor& blob : blobs) {
    RETURN_IF_ERROR(oci::CopyBlob(blob, layout.blobs(), store));
  }
  return StoredImageReference(image.digest);
}

}  // namespace strake::builder::context
