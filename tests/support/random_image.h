// Images of random bytes, for tests of what moves images around.

#ifndef STRAKE_TESTS_SUPPORT_RANDOM_IMAGE_H_
#define STRAKE_TESTS_SUPPORT_RANDOM_IMAGE_H_

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "oci/blob_store.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "tests/support/expect_result.h"

namespace strake::testing {

// Bytes that nothing compresses, the same for the same seed.
inline std::string RandomBytes(size_t size, uint32_t seed) {
  std::mt19937_64 random(seed);
  std::string bytes(size, '\0');
  for (size_t i = 0; i < size; i += 8) {
    uint64_t word = random();
    for (size_t j = i; j < std::min(size, i + 8); ++j) {
      bytes[j] = static_cast<char>(word >> (8 * (j - i)));
    }
  }
  return bytes;
}

struct RandomImage {
  oci::Descriptor descriptor;
  oci::Manifest manifest;
};

inline oci::Descriptor PutDocument(const oci::BlobStore& store,
                                   std::string_view content,
                                   std::string_view media_type) {
  auto descriptor = store.Put(content, media_type);
  EXPECT_TRUE(IsOk(descriptor));
  return descriptor.value_or(oci::Descriptor());
}

// An image in `store` whose layers are uncompressed and hold random bytes (no
// tar), one of each size given.
inline RandomImage MakeRandomImage(const oci::BlobStore& store,
                                   const std::vector<size_t>& layer_sizes,
                                   uint32_t seed = 1,
                                   const std::string& architecture = "amd64") {
  oci::ImageConfig config;
  config.platform = {"linux", architecture, "", "", {}};
  RandomImage image;
  for (size_t size : layer_sizes) {
    std::string content = RandomBytes(size, seed++);
    image.manifest.layers.push_back(
        PutDocument(store, content, oci::kMediaTypeLayer));
    config.diff_ids.push_back(oci::Digest::Of(content));
    oci::History history;
    history.created_by = "test";
    config.history.push_back(history);
  }
  image.manifest.config = PutDocument(store, oci::SerializeImageConfig(config),
                                      oci::kMediaTypeConfig);
  image.descriptor = PutDocument(store, oci::SerializeManifest(image.manifest),
                                 oci::kMediaTypeManifest);
  return image;
}

inline oci::Descriptor MakeRandomIndex(
    const oci::BlobStore& store, const std::vector<RandomImage>& images,
    const std::vector<std::string>& architectures) {
  oci::Index index;
  for (size_t i = 0; i < images.size(); ++i) {
    oci::Descriptor entry = images[i].descriptor;
    entry.platform = oci::Platform{"linux", architectures[i], "", "", {}};
    index.manifests.push_back(entry);
  }
  return PutDocument(store, oci::SerializeIndex(index), oci::kMediaTypeIndex);
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_RANDOM_IMAGE_H_
