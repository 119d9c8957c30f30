// Small images in a store.

#ifndef STRAKE_TESTS_SUPPORT_TEST_IMAGE_H_
#define STRAKE_TESTS_SUPPORT_TEST_IMAGE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "oci/image_config.h"
#include "oci/image_layout.h"
#include "oci/layer_blob.h"
#include "oci/manifest.h"
#include "tests/support/scan_tree.h"
#include "tests/support/temp_dir.h"

namespace strake::testing {

// A layer of the files in `tree`.
inline oci::LayerBlob PutLayer(
    const oci::BlobStore& store, const TempDir& tree,
    oci::Compression compression = oci::Compression::kGzip) {
  oci::CompressionOptions options;
  options.algorithm = compression;
  auto layer =
      oci::WriteLayerBlob(ScanTree(tree.fd()), tree.fd(), options, {}, store);
  EXPECT_TRUE(layer) << (layer ? "" : layer.error().message());
  return layer ? *layer : oci::LayerBlob();
}

// An image of `layers` for `platform`; its manifest's descriptor.
inline oci::Descriptor PutImage(const oci::BlobStore& store,
                                const std::vector<oci::LayerBlob>& layers,
                                const char* platform = "linux/amd64") {
  oci::ImageConfig config;
  config.platform = *oci::ParsePlatform(platform);
  config.cmd = {"/bin/true"};
  oci::Manifest manifest;
  for (const oci::LayerBlob& layer : layers) {
    manifest.layers.push_back(layer.descriptor);
    config.diff_ids.push_back(layer.diff_id);
    config.history.emplace_back();
    config.history.back().created_by = "test";
    config.history.back().created = oci::Timestamp();
  }
  config.history.emplace_back();
  config.history.back().empty_layer = true;
  manifest.config =
      *store.Put(oci::SerializeImageConfig(config), oci::kMediaTypeConfig);
  oci::Descriptor image =
      *store.Put(oci::SerializeManifest(manifest), oci::kMediaTypeManifest);
  image.platform = config.platform;
  return image;
}

inline oci::Descriptor PutIndex(const oci::BlobStore& store,
                                const std::vector<oci::Descriptor>& images) {
  oci::Index index;
  index.manifests = images;
  return *store.Put(oci::SerializeIndex(index), oci::kMediaTypeIndex);
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_TEST_IMAGE_H_
