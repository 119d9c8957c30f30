// The tar that `docker save` writes without an image layout in it (Docker
// before 25, skopeo, kaniko): a `manifest.json` that names a configuration and
// uncompressed layers.

#ifndef STRAKE_BUILDER_SAVED_IMAGE_H_
#define STRAKE_BUILDER_SAVED_IMAGE_H_

#include <string>

#include "oci/image_layout.h"
#include "util/result.h"

namespace strake::builder {

// Puts every image of the archive `fd` (borrowed, read from its beginning) into
// `layout`, under the names that it has there, with manifests that are made for
// them: equal archives give equal ones.
//   scratch  an empty folder on the file system of `layout`, for the content
// Errors: `kCorrupt` where it is no such archive, or a layer is not what its
// configuration promises.
Status UnpackSavedImages(int fd, const std::string& scratch,
                         const oci::ImageLayout& layout);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_SAVED_IMAGE_H_
