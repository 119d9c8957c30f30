#include "oci/validate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "oci/walk.h"
#include "tests/support/expect_result.h"
#include "tests/support/test_image.h"

namespace strake::oci {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using testing::IsOk;
using testing::PutImage;
using testing::PutIndex;
using testing::PutLayer;
using testing::TempDir;

class ImageTest : public ::testing::Test {
 protected:
  ImageTest() : store_(*BlobStore::Open(store_dir_.path())) {
    TempDir one;
    one.Write("one", "1");
    TempDir two;
    two.Write("two", "2");
    one_ = PutLayer(store_, one);
    two_ = PutLayer(store_, two, Compression::kZstd);
    amd_ = PutImage(store_, {one_, two_}, "linux/amd64");
    arm_ = PutImage(store_, {one_}, "linux/arm64");
    index_ = PutIndex(store_, {amd_, arm_});
  }
  Descriptor ConfigOf(const Descriptor& image) {
    return ParseManifest(*store_.Read(image.digest))->config;
  }
  // Replaces `from` in the config of `amd_`'s image.
  Descriptor WithConfig(const std::string& from, const std::string& to) {
    Manifest manifest = *ParseManifest(*store_.Read(amd_.digest));
    std::string config = *store_.Read(manifest.config.digest);
    EXPECT_NE(std::string::npos, config.find(from)) << config;
    config.replace(config.find(from), from.size(), to);
    manifest.config = *store_.Put(config, kMediaTypeConfig);
    return *store_.Put(SerializeManifest(manifest), kMediaTypeManifest);
  }

  TempDir store_dir_;
  BlobStore store_;
  LayerBlob one_;
  LayerBlob two_;
  Descriptor amd_;
  Descriptor arm_;
  Descriptor index_;
};

std::vector<Digest> Digests(const std::vector<Descriptor>& blobs) {
  std::vector<Digest> digests;
  for (const Descriptor& blob : blobs) digests.push_back(blob.digest);
  return digests;
}

TEST_F(ImageTest, WalksChildrenBeforeParentsEachOnce) {
  auto blobs = WalkImage(store_, index_);
  ASSERT_TRUE(IsOk(blobs));
  EXPECT_THAT(Digests(*blobs),
              ElementsAre(ConfigOf(amd_).digest, one_.descriptor.digest,
                          two_.descriptor.digest, amd_.digest,
                          ConfigOf(arm_).digest, arm_.digest, index_.digest));
  EXPECT_THAT(Digests(*WalkImage(store_, one_.descriptor)),
              ElementsAre(one_.descriptor.digest));
}

TEST_F(ImageTest, WalksWithoutLayersInTheStore) {
  ASSERT_TRUE(IsOk(store_.Remove(one_.descriptor.digest)));
  ASSERT_TRUE(IsOk(store_.Remove(ConfigOf(amd_).digest)));
  EXPECT_TRUE(IsOk(WalkImage(store_, index_)));
  ASSERT_TRUE(IsOk(store_.Remove(arm_.digest)));
  DamagedWalk rest = WalkDamagedImage(store_, index_);
  ASSERT_EQ(rest.damages.size(), 1U);
  EXPECT_EQ(rest.damages[0].error.code(), ErrorCode::kNotFound);
  EXPECT_EQ(rest.blobs.back().digest, index_.digest);
  EXPECT_TRUE(FailsWith(WalkImage(store_, index_), ErrorCode::kNotFound,
                        arm_.digest.ToString()));
}

TEST_F(ImageTest, WalkRefusesADocumentThatIsNotWhatItIsCalled) {
  Descriptor lie = amd_;
  lie.media_type = kMediaTypeIndex;
  EXPECT_TRUE(FailsWith(WalkImage(store_, lie), ErrorCode::kCorrupt,
                        amd_.digest.ToString()));
  Descriptor longer = amd_;
  ++longer.size_bytes;
  EXPECT_TRUE(FailsWith(WalkImage(store_, longer), ErrorCode::kCorrupt));
}

TEST_F(ImageTest, WalkRefusesAbsurdDepth) {
  Descriptor index = index_;
  for (int i = 0; i < 40; ++i) index = PutIndex(store_, {index});
  EXPECT_TRUE(FailsWith(WalkImage(store_, index), ErrorCode::kInvalidArgument,
                        "nested"));
}

TEST_F(ImageTest, ValidatesASoundImage) {
  EXPECT_TRUE(IsOk(ValidateImage(store_, amd_)));
  EXPECT_TRUE(IsOk(ValidateImage(store_, index_)));
}

TEST_F(ImageTest, ValidationNamesTheMissingBlob) {
  ASSERT_TRUE(IsOk(store_.Remove(two_.descriptor.digest)));
  EXPECT_TRUE(FailsWith(ValidateImage(store_, index_), ErrorCode::kNotFound,
                        two_.descriptor.digest.ToString()));
  EXPECT_TRUE(IsOk(ValidateImage(store_, arm_)));
}

TEST_F(ImageTest, ValidationRereadsEveryBlob) {
  // Without the store's noticing, which believes what this boot wrote.
  int fd = ::open(store_.PathOf(one_.descriptor.digest).c_str(), O_WRONLY);
  ASSERT_EQ(1, ::pwrite(fd, "X", 1, 20));
  ::close(fd);
  EXPECT_TRUE(FailsWith(ValidateImage(store_, index_), ErrorCode::kCorrupt,
                        one_.descriptor.digest.ToString()));
}

TEST_F(ImageTest, ValidationDerivesDiffIds) {
  Descriptor image = WithConfig(two_.diff_id.Hex(), one_.diff_id.Hex());
  EXPECT_TRUE(FailsWith(ValidateImage(store_, image), ErrorCode::kCorrupt,
                        two_.diff_id.ToString()));
}

TEST_F(ImageTest, ValidationCountsLayersAndHistory) {
  Descriptor image = WithConfig("\"" + two_.diff_id.ToString() + "\"",
                                "\"" + two_.diff_id.ToString() + "\",\"" +
                                    two_.diff_id.ToString() + "\"");
  EXPECT_TRUE(FailsWith(ValidateImage(store_, image), ErrorCode::kCorrupt,
                        "3 diff IDs for 2 layers"));
  image = WithConfig("\"empty_layer\":true", "\"empty_layer\":false");
  EXPECT_TRUE(FailsWith(ValidateImage(store_, image), ErrorCode::kCorrupt,
                        "history describes 3 layers"));
}

}  // namespace
}  // namespace strake::oci
