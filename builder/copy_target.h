// Where a copy of an image goes. For the `.cc` files that copy images.

#ifndef STRAKE_BUILDER_COPY_TARGET_H_
#define STRAKE_BUILDER_COPY_TARGET_H_

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/image_origin.h"
#include "builder/image_place.h"
#include "oci/descriptor.h"
#include "registry/client.h"
#include "registry/transfer_progress.h"
#include "util/result.h"

namespace strake::builder {

// What is to be copied. All is borrowed.
struct CopyJob {
  const ImageOrigin& origin;
  oci::Descriptor image;                   // that gets the name
  std::vector<oci::Descriptor> referrers;  // subjects before referrers
  const registry::Client& client;
  registry::ProgressCallback progress;
  std::stop_token stop;
};

// Each makes `to` hold the image and its referrers, with the name last.
Status CopyToRegistry(const CopyJob& job, const ImagePlace& to);
Status CopyToLayout(const CopyJob& job, const ImagePlace& to);
Status CopyToArchive(const CopyJob& job, const ImagePlace& to);
Status CopyToStore(const CopyJob& job, const ImagePlace& to,
                   const std::string& store_directory);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_COPY_TARGET_H_
