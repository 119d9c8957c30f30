// Images from one place to another, as they are: what `strake copy` does.

#ifndef STRAKE_BUILDER_COPY_IMAGE_H_
#define STRAKE_BUILDER_COPY_IMAGE_H_

#include <cstddef>
#include <optional>
#include <stop_token>
#include <string>

#include "builder/image_place.h"
#include "builder/progress.h"
#include "oci/descriptor.h"
#include "oci/platform.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::builder {

struct CopyImageOptions {
  std::string store_directory;  // of `store:`
  registry::ClientOptions registry;
  std::optional<oci::Platform> platform;  // none: all that there are
  // Also what refers to the image, to its images, and to those again.
  bool referrers = false;
  ProgressSink* progress = nullptr;  // borrowed
  std::stop_token stop;
};

struct CopiedImage {
  oci::Descriptor image;
  size_t referrers = 0;
  std::string name = {};  // that it had; may be empty
};

// Copies the image at `from` to `to`. Documents stay byte for byte what they
// are, and so do digests. From a registry, blobs are streamed; to a registry,
// those are skipped that it has, and mounted where it is the same one. A name
// is given last: whatever fails before leaves archives and tags as they were,
// and no new folder.
// Errors: `kInvalidArgument` where `to` cannot hold it: several platforms or
// referrers in Docker's archives, an image under another digest than its own.
Result<CopiedImage> CopyImage(const ImagePlace& from, const ImagePlace& to,
                              const CopyImageOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_COPY_IMAGE_H_
