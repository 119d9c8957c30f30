#include "oci/convert_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "tests/support/expect_result.h"
#include "tests/support/rich_tree.h"
#include "tests/support/test_image.h"

namespace strake::oci {
namespace {

using testing::DescribeTree;
using testing::FailsWith;
using testing::IsOk;
using testing::PutLayer;
using testing::TempDir;

class ConvertLayerTest : public ::testing::Test {
 protected:
  ConvertLayerTest() : store_(*BlobStore::Open(store_dir_.path())) {
    tree_.Write("dir/file", std::string(100'000, 'f'));
    tree_.Write("empty", "");
    tree_.Symlink("file", "dir/link");
    layer_ = PutLayer(store_, tree_);
  }
  Result<LayerBlob> Convert(const Descriptor& layer, Compression algorithm,
                            bool estargz = false, int level = -1) {
    LayerForm form;
    form.compression.algorithm = algorithm;
    form.compression.level = level;
    form.estargz = estargz;
    return ConvertLayer(layer, form, store_);
  }
  TempDir store_dir_;
  TempDir tree_;
  BlobStore store_;
  LayerBlob layer_;
};

TEST_F(ConvertLayerTest, KeepsTheDiffIdThroughEveryCompression) {
  Descriptor layer = layer_.descriptor;
  for (Compression algorithm :
       {Compression::kZstd, Compression::kNone, Compression::kGzip}) {
    auto converted = Convert(layer, algorithm);
    ASSERT_TRUE(IsOk(converted));
    EXPECT_EQ(converted->diff_id, layer_.diff_id);
    EXPECT_EQ(converted->uncompressed_bytes, layer_.uncompressed_bytes);
    EXPECT_EQ(*LayerCompression(converted->descriptor.media_type), algorithm);
    layer = converted->descriptor;
  }
  EXPECT_EQ(layer, layer_.descriptor);
}

TEST_F(ConvertLayerTest, AddsATableOfContentsToEstargz) {
  auto converted = Convert(layer_.descriptor, Compression::kGzip, true);
  ASSERT_TRUE(IsOk(converted));
  EXPECT_NE(converted->diff_id, layer_.diff_id);
  TempDir copy;
  ASSERT_TRUE(IsOk(ApplyLayerBlob(converted->descriptor, converted->diff_id,
                                  store_, copy.fd(), {})));
  ASSERT_EQ(::unlink(copy.path("stargz.index.json").c_str()), 0);
  EXPECT_THAT(DescribeTree(copy.fd()),
              ::testing::ElementsAreArray(DescribeTree(tree_.fd())));
  // The table that an eStargz layer has is made anew, not listed in the next.
  auto again = Convert(converted->descriptor, Compression::kGzip, true);
  ASSERT_TRUE(IsOk(again));
  EXPECT_EQ(*again, *converted);
}

TEST_F(ConvertLayerTest, SaysWhichLayerCannotBeConverted) {
  Descriptor layer = layer_.descriptor;
  EXPECT_TRUE(FailsWith(Convert(layer, Compression::kGzip, true, 10),
                        ErrorCode::kInvalidArgument, layer.digest.ToString()));
  layer.media_type = "application/vnd.example";
  EXPECT_TRUE(FailsWith(Convert(layer, Compression::kZstd),
                        ErrorCode::kUnsupported, layer.digest.ToString()));
  auto text = store_.Put("no tar", kMediaTypeLayer);
  ASSERT_TRUE(text);
  EXPECT_TRUE(FailsWith(Convert(*text, Compression::kGzip, true),
                        ErrorCode::kCorrupt, text->digest.ToString()));
}

}  // namespace
}  // namespace strake::oci
