#include "oci/layer_blob.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/expect_result.h"
#include "tests/support/rich_tree.h"
#include "tests/support/test_image.h"

namespace strake::oci {
namespace {

using testing::DescribeTree;
using ::testing::ElementsAreArray;
using testing::FailsWith;
using testing::IsOk;
using testing::PutLayer;
using testing::TempDir;

class LayerBlobTest : public ::testing::Test {
 protected:
  LayerBlobTest() : store_(*BlobStore::Open(store_dir_.path())) {
    tree_.Write("dir/file", std::string(100'000, 'f'));
    tree_.Symlink("file", "dir/link");
    testing::SetMtime(tree_, "dir/file", 1, 2);
  }
  TempDir store_dir_;
  TempDir tree_;
  BlobStore store_;
};

TEST_F(LayerBlobTest, RoundTripsInEveryCompression) {
  Digest diff_id;
  for (Compression compression :
       {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    LayerBlob layer = PutLayer(store_, tree_, compression);
    EXPECT_EQ(*LayerMediaType(compression, MediaTypeFamily::kOci),
              layer.descriptor.media_type);
    if (diff_id.empty()) diff_id = layer.diff_id;
    EXPECT_EQ(diff_id, layer.diff_id);
    EXPECT_EQ(compression == Compression::kNone,
              layer.diff_id == layer.descriptor.digest);
    EXPECT_EQ(store_.Stat(layer.descriptor.digest)->size_bytes,
              layer.descriptor.size_bytes);
    EXPECT_EQ(0u, layer.uncompressed_bytes % 512);
    TempDir copy;
    auto applied =
        ApplyLayerBlob(layer.descriptor, layer.diff_id, store_, copy.fd(), {});
    ASSERT_TRUE(IsOk(applied));
    EXPECT_EQ(3u, applied->entries);
    EXPECT_THAT(DescribeTree(copy.fd()),
                ElementsAreArray(DescribeTree(tree_.fd())));
  }
}

TEST_F(LayerBlobTest, BelievesTheBytesMoreThanTheMediaType) {
  LayerBlob layer = PutLayer(store_, tree_, Compression::kGzip);
  for (std::string_view media_type :
       {kMediaTypeLayer, kMediaTypeLayerZstd, kDockerMediaTypeLayerGzip}) {
    layer.descriptor.media_type = media_type;
    TempDir copy;
    EXPECT_TRUE(IsOk(ApplyLayerBlob(layer.descriptor, layer.diff_id, store_,
                                    copy.fd(), {})));
  }
  layer.descriptor.media_type = "application/vnd.example";
  TempDir copy;
  EXPECT_TRUE(FailsWith(
      ApplyLayerBlob(layer.descriptor, layer.diff_id, store_, copy.fd(), {}),
      ErrorCode::kUnsupported, "vnd.example"));
}

TEST_F(LayerBlobTest, ChecksTheDiffId) {
  LayerBlob layer = PutLayer(store_, tree_);
  TempDir copy;
  EXPECT_TRUE(FailsWith(ApplyLayerBlob(layer.descriptor, Digest::Of("other"),
                                       store_, copy.fd(), {}),
                        ErrorCode::kCorrupt, "diff ID"));
  EXPECT_TRUE(
      IsOk(ApplyLayerBlob(layer.descriptor, {}, store_, copy.fd(), {})));
}

TEST_F(LayerBlobTest, NamesTheLayerThatIsMissing) {
  LayerBlob layer = PutLayer(store_, tree_);
  ASSERT_TRUE(IsOk(store_.Remove(layer.descriptor.digest)));
  TempDir copy;
  EXPECT_TRUE(FailsWith(
      ApplyLayerBlob(layer.descriptor, layer.diff_id, store_, copy.fd(), {}),
      ErrorCode::kNotFound, layer.descriptor.digest.ToString()));
}

TEST_F(LayerBlobTest, LeavesNothingInTheStoreAfterAFailure) {
  auto changes = testing::ScanTree(tree_.fd());
  changes[1].metadata.size_bytes = 5;
  EXPECT_TRUE(FailsWith(WriteLayerBlob(changes, tree_.fd(), {}, {}, store_),
                        ErrorCode::kIo, "changed"));
  EXPECT_EQ(0u, store_.List()->size());
  CompressionOptions options;
  options.level = 99;
  EXPECT_TRUE(FailsWith(WriteLayerBlob(testing::ScanTree(tree_.fd()),
                                       tree_.fd(), options, {}, store_),
                        ErrorCode::kInvalidArgument));
}

}  // namespace
}  // namespace strake::oci
