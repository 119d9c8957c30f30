#include "oci/media_type.h"

#include <gtest/gtest.h>

#include "tests/support/expect_result.h"

namespace strake::oci {
namespace {

using testing::FailsWith;

TEST(MediaTypeTest, ClassifiesBothFamilies) {
  EXPECT_TRUE(IsIndex(kMediaTypeIndex));
  EXPECT_TRUE(IsIndex(kDockerMediaTypeIndex));
  EXPECT_TRUE(IsManifest(kMediaTypeManifest));
  EXPECT_TRUE(IsManifest(kDockerMediaTypeManifest));
  EXPECT_FALSE(IsManifest(kMediaTypeIndex));
  EXPECT_TRUE(IsConfig(kMediaTypeConfig));
  EXPECT_TRUE(IsConfig(kDockerMediaTypeConfig));
  EXPECT_FALSE(IsConfig(kMediaTypeEmptyJson));
  EXPECT_TRUE(IsLayer(kMediaTypeLayer));
  EXPECT_TRUE(IsLayer(kDockerMediaTypeLayerGzip));
  EXPECT_FALSE(IsLayer("application/vnd.oci.image.layer.v1.tar+encrypted"));
}

TEST(MediaTypeTest, KnowsALayersCompression) {
  EXPECT_EQ(Compression::kNone, *LayerCompression(kMediaTypeLayer));
  EXPECT_EQ(Compression::kZstd, *LayerCompression(kMediaTypeLayerZstd));
  EXPECT_EQ(Compression::kGzip, *LayerCompression(kDockerMediaTypeLayerGzip));
  for (const char* foreign :
       {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"}) {
    EXPECT_EQ(Compression::kGzip, *LayerCompression(foreign));
  }
  for (const char* other :
       {"application/vnd.oci.image.layer.v1.tar+gzip+encrypted", ""}) {
    EXPECT_TRUE(FailsWith(LayerCompression(other), ErrorCode::kUnsupported));
  }
}

TEST(MediaTypeTest, NamesLayers) {
  for (Compression c :
       {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    EXPECT_EQ(c, *LayerCompression(*LayerMediaType(c, MediaTypeFamily::kOci)));
    EXPECT_EQ(c, *ParseCompression(CompressionName(c)));
  }
  EXPECT_EQ(kDockerMediaTypeLayerGzip,
            *LayerMediaType(Compression::kGzip, MediaTypeFamily::kDocker));
  EXPECT_TRUE(
      FailsWith(LayerMediaType(Compression::kZstd, MediaTypeFamily::kDocker),
                ErrorCode::kUnsupported, "zstd"));
  EXPECT_TRUE(FailsWith(ParseCompression("xz"), ErrorCode::kInvalidArgument));
  EXPECT_TRUE(FailsWith(ParseCompression("estargz"), ErrorCode::kUnsupported));
}

TEST(MediaTypeTest, TranslatesLayersBetweenFamilies) {
  EXPECT_EQ(kMediaTypeLayerGzip, *LayerMediaTypeIn(MediaTypeFamily::kOci,
                                                   kDockerMediaTypeLayerGzip));
  EXPECT_EQ(kDockerMediaTypeLayer,
            *LayerMediaTypeIn(MediaTypeFamily::kDocker, kMediaTypeLayer));
  EXPECT_TRUE(
      FailsWith(LayerMediaTypeIn(MediaTypeFamily::kDocker, kMediaTypeLayerZstd),
                ErrorCode::kUnsupported));
}

}  // namespace
}  // namespace strake::oci
