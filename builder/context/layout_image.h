// Images in an OCI image layout folder, as contexts.

#ifndef STRAKE_BUILDER_CONTEXT_LAYOUT_IMAGE_H_
#define STRAKE_BUILDER_CONTEXT_LAYOUT_IMAGE_H_

#include <string>

#include "builder/context/context_url.h"
#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "oci/image_layout.h"
#include "oci/reference.h"
#include "util/result.h"

namespace strake::builder::context {

// How an image of `store` is named that no registry has: by its digest, on a
// host that there cannot be.
oci::Reference StoredImageReference(const oci::Digest& digest);

// The image of `layout` that `wanted` names; without tag and digest the one
// called "latest", or the only one. `kNotFound` names those that there are.
Result<oci::Descriptor> FindLayoutImage(const LayoutContext& wanted,
                                        const oci::ImageLayout& layout);

// Brings the image `oci-layout://folder[:tag][@digest]`, all platforms, into
// `store`, found as by `FindLayoutImage`.
Result<oci::Reference> ImportLayoutImage(const std::string& text,
                                         const oci::BlobStore& store);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_LAYOUT_IMAGE_H_
