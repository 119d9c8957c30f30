// `--squash`: an image with one layer on top of those of its base.

#ifndef STRAKE_BUILDER_SQUASH_H_
#define STRAKE_BUILDER_SQUASH_H_

#include <functional>
#include <stop_token>
#include <vector>

#include "builder/export/assemble_image.h"
#include "builder/plan/op.h"
#include "builder/snapshot/snapshotter.h"
#include "oci/blob_store.h"
#include "oci/compressor.h"
#include "oci/layer_writer.h"
#include "util/result.h"

namespace strake::builder {

// All borrowed.
struct SquashOptions {
  const plan::ImageOp* base = nullptr;  // null: the image has no base
  const snapshot::SnapshotId& root;     // the image's root file system
  snapshot::Snapshotter& snapshotter;
  const oci::BlobStore& blobs;
  oci::CompressionOptions compression;
  oci::LayerWriteOptions layers;
  // Brings layers of the base into the store.
  std::function<Status(const std::vector<oci::Descriptor>& layers)> fetch;
  std::stop_token stop;
};

// `image` with what its own layers change in one. Its history keeps all
// entries, now without layers, and gets one more for the layer that there is.
// An image with one own layer, or none, is returned as it is.
Result<exporter::AssembledImage> SquashImage(
    const exporter::AssembledImage& image, const SquashOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_SQUASH_H_
