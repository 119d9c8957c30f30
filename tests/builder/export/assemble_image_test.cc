#include "builder/export/assemble_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "oci/manifest.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::exporter {
namespace {

using std::chrono::seconds;
using ::strake::testing::IsOk;
using ::strake::testing::TempDir;
using ::testing::ElementsAre;

oci::Timestamp At(int second) { return oci::Timestamp(seconds(second)); }

class AssembleImageTest : public ::testing::Test {
 protected:
  // A history entry of the build, with or without a layer.
  void Entry(const std::string& text, bool layer) {
    oci::History entry;
    entry.created_by = text;
    entry.empty_layer = !layer;
    target_.config.history.push_back(entry);
  }
  void Layer(const std::string& name, int second) {
    solve::SolvedLayer layer;
    layer.blob.descriptor = {std::string(oci::kMediaTypeLayerGzip),
                             oci::Digest::Of(name),
                             10,
                             {},
                             {},
                             {},
                             ""};
    layer.blob.diff_id = oci::Digest::Of(name + " tar");
    layer.created = At(second);
    solved_.layers.push_back(std::move(layer));
  }
  void Base(std::string_view layer_media_type) {
    plan::ImageOp base;
    base.layers = {{std::string(layer_media_type),
                    oci::Digest::Of("base"),
                    7,
                    {},
                    {},
                    {},
                    ""}};
    base.diff_ids = {oci::Digest::Of("base tar")};
    plan::Vertex vertex;
    vertex.op = base;
    target_.layers = {graph_.Add(std::move(vertex))};
    target_.base_history = 1;
    oci::History entry;
    entry.created_by = "base";
    entry.created = At(1);
    target_.config.history.insert(target_.config.history.begin(), entry);
    target_.config.diff_ids = base.diff_ids;
  }

  void Assemble(std::optional<oci::Timestamp> epoch = {}) {
    auto image = AssembleImage(graph_, target_, solved_, At(1000), epoch,
                               nullptr, store_);
    ASSERT_TRUE(IsOk(image));
    image_ = *std::move(image);
    config_ = *oci::ParseImageConfig(*store_.Read(image_.config.digest));
    manifest_ = *oci::ParseManifest(*store_.Read(image_.manifest.digest));
  }
  std::vector<int> Times() const {
    std::vector<int> times;
    for (const oci::History& entry : config_.history) {
      times.push_back(
          static_cast<int>(entry.created->time_since_epoch() / seconds(1)));
    }
    return times;
  }

  TempDir dir_;
  oci::BlobStore store_ = *oci::BlobStore::Open(dir_.path("blobs"));
  plan::BuildGraph graph_;
  plan::TargetImage target_;
  solve::SolvedImage solved_;
  AssembledImage image_;
  oci::ImageConfig config_;
  oci::Manifest manifest_;
};

TEST_F(AssembleImageTest, PutsNewLayersOnTopOfTheBase) {
  Base(oci::kMediaTypeLayerGzip);
  Layer("one", 10);
  Layer("two", 20);
  Entry("RUN one", true);
  Entry("RUN two", true);
  Assemble();
  ASSERT_EQ(manifest_.layers.size(), 3u);
  EXPECT_EQ(manifest_.layers[0].digest, oci::Digest::Of("base"));
  EXPECT_EQ(manifest_.layers[2].digest, oci::Digest::Of("two"));
  EXPECT_THAT(config_.diff_ids, ElementsAre(oci::Digest::Of("base tar"),
                                            oci::Digest::Of("one tar"),
                                            oci::Digest::Of("two tar")));
  EXPECT_EQ(manifest_.config.digest, image_.config.digest);
  EXPECT_EQ(image_.base_layers.size(), 1u);
}

TEST_F(AssembleImageTest, GivesDockersLayersOcisNames) {
  Base(oci::kDockerMediaTypeLayerGzip);
  Assemble();
  EXPECT_EQ(manifest_.layers[0].media_type, oci::kMediaTypeLayerGzip);
  EXPECT_EQ(manifest_.config.media_type, oci::kMediaTypeConfig);
  EXPECT_EQ(image_.manifest.media_type, oci::kMediaTypeManifest);
}

TEST_F(AssembleImageTest, EntriesWithoutLayerHaveTheTimeOfTheirNeighbour) {
  Base(oci::kMediaTypeLayerGzip);
  Layer("one", 10);
  Layer("two", 20);
  Entry("ENV a=1", false);
  Entry("RUN one", true);
  Entry("ENV b=2", false);
  Entry("RUN two", true);
  Entry("CMD x", false);
  Assemble();
  EXPECT_THAT(Times(), ElementsAre(1, 10, 10, 10, 20, 20));
  EXPECT_EQ(config_.created, At(20));
}

TEST_F(AssembleImageTest, AnImageWithoutNewLayersIsMadeNow) {
  Base(oci::kMediaTypeLayerGzip);
  Entry("ENV a=1", false);
  Assemble();
  EXPECT_THAT(Times(), ElementsAre(1, 1000));
  EXPECT_EQ(config_.created, At(1000));
}

TEST_F(AssembleImageTest, TheEpochSetsLaterTimesBack) {
  Base(oci::kMediaTypeLayerGzip);
  Layer("one", 10);
  Layer("two", 20);
  Entry("RUN one", true);
  Entry("RUN two", true);
  Assemble(At(15));
  EXPECT_THAT(Times(), ElementsAre(1, 10, 15));
  EXPECT_EQ(config_.created, At(15));
}

TEST_F(AssembleImageTest, LeavesTheBasesHistoryAlone) {
  Base(oci::kMediaTypeLayerGzip);
  Entry("ENV a=1", false);
  Assemble(oci::Timestamp());
  EXPECT_THAT(Times(), ElementsAre(1, 0));
}

TEST_F(AssembleImageTest, ScratchWithoutStepsIsAnImageToo) {
  Entry("ENV a=1", false);
  Assemble();
  EXPECT_TRUE(manifest_.layers.empty());
  EXPECT_TRUE(config_.diff_ids.empty());
}

TEST_F(AssembleImageTest, EqualInputsGiveEqualImages) {
  Base(oci::kMediaTypeLayerGzip);
  Layer("one", 10);
  Entry("RUN one", true);
  Assemble();
  oci::Digest first = image_.manifest.digest;
  Assemble();
  EXPECT_EQ(image_.manifest.digest, first);
}

}  // namespace
}  // namespace strake::builder::exporter
