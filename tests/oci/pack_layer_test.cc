#include "oci/pack_layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "oci/compressor.h"
#include "tests/support/expect_result.h"
#include "tests/support/tar_builder.h"

namespace strake::oci {
namespace {

using testing::FailsWith;
using testing::IsOk;
using testing::TarBuilder;
using testing::TarFile;

// A tar of several of the compressors' blocks.
std::string SampleTar() {
  std::string text;
  for (int i = 0; text.size() < 3'500'000; ++i) {
    text += "line " + std::to_string(i * 7919 % 10007) + "\n";
  }
  TarBuilder tar;
  TarFile file;
  file.name = "a";
  file.content = text;
  tar.Add(file);
  file.name = "b";
  file.content.resize(100'001);
  tar.Add(file);
  return tar.Build();
}

LayerForm Form(Compression algorithm, int level, int threads, bool estargz) {
  LayerForm form;
  form.compression.algorithm = algorithm;
  form.compression.level = level;
  form.compression.threads = threads;
  form.estargz = estargz;
  return form;
}

TarProducer Gives(const std::string& tar) {
  return [&tar](ByteSink& out) { return out.Write(tar); };
}

std::string Decompressed(const std::string& blob, Compression algorithm) {
  MemorySource source(blob);
  auto plain = NewDecompressor(algorithm, source);
  return *ReadAll(**plain, 100'000'000);
}

TEST(PackLayerTest, GivesTheSameBytesForAnyNumberOfThreads) {
  const std::string tar = SampleTar();
  for (LayerForm form : {Form(Compression::kGzip, 1, 0, false),
                         Form(Compression::kGzip, 6, 0, false),
                         Form(Compression::kGzip, 4, 0, true),
                         Form(Compression::kZstd, 3, 0, false)}) {
    SCOPED_TRACE(static_cast<int>(form.compression.algorithm));
    std::vector<std::string> blobs;
    for (int threads : {0, 1, 3}) {
      form.compression.threads = threads;
      MemorySink out;
      auto packed = PackLayer(Gives(tar), form, out);
      ASSERT_TRUE(IsOk(packed));
      EXPECT_EQ(packed->layer.descriptor.digest, Digest::Of(out.bytes()));
      EXPECT_EQ(packed->layer.descriptor.size_bytes, out.bytes().size());
      blobs.push_back(out.Take());
    }
    EXPECT_EQ(blobs[0], blobs[1]);
    EXPECT_EQ(blobs[0], blobs[2]);
    EXPECT_GT(blobs[0].size(), 1000u);
  }
}

TEST(PackLayerTest, MakesEstargzOfManyMembersByAnyNumberOfThreads) {
  TarBuilder builder;
  TarFile file;
  for (int i = 0; i < 200; ++i) {
    file.name = "small-" + std::to_string(i);
    file.content = std::string(static_cast<size_t>(i) * 37, 'a');
    builder.Add(file);
  }
  // Of three chunks.
  file.name = "large";
  file.content.clear();
  for (int i = 0; file.content.size() < 9'000'000; ++i) {
    file.content += std::to_string(i * 7919 % 100'003);
  }
  builder.Add(file);
  file.name = "last";
  file.content = "content";
  builder.Add(file);
  const std::string tar = builder.Build();
  std::vector<std::string> blobs;
  for (int threads : {0, 1, 2, 5}) {
    MemorySink out;
    auto packed =
        PackLayer(Gives(tar), Form(Compression::kGzip, 1, threads, true), out);
    ASSERT_TRUE(IsOk(packed));
    blobs.push_back(out.Take());
    EXPECT_EQ(blobs.back(), blobs.front()) << threads;
    std::string plain = Decompressed(blobs.back(), Compression::kGzip);
    EXPECT_EQ(packed->layer.diff_id, Digest::Of(plain));
  }
}

TEST(PackLayerTest, WritesABlobOfTheTarThatItWasGiven) {
  const std::string tar = SampleTar();
  for (Compression algorithm :
       {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    MemorySink out;
    auto packed = PackLayer(Gives(tar), Form(algorithm, -1, 2, false), out);
    ASSERT_TRUE(IsOk(packed));
    EXPECT_EQ(packed->layer.diff_id, Digest::Of(tar));
    EXPECT_EQ(packed->layer.uncompressed_bytes, tar.size());
    EXPECT_EQ(Decompressed(out.bytes(), algorithm), tar);
  }
}

TEST(PackLayerTest, TellsWhatEachStageTook) {
  const std::string tar = SampleTar();
  MemorySink out;
  auto packed =
      PackLayer(Gives(tar), Form(Compression::kGzip, 6, 2, false), out);
  ASSERT_TRUE(IsOk(packed));
  std::vector<std::string> names;
  std::vector<uint64_t> bytes;
  std::chrono::nanoseconds wall{0};
  for (const PackStage& stage : packed->stages) {
    names.emplace_back(stage.name);
    bytes.push_back(stage.bytes);
    wall += stage.wall;
  }
  EXPECT_THAT(names, ::testing::ElementsAre("tar", "diff ID", "compress",
                                            "digest", "write"));
  EXPECT_THAT(bytes,
              ::testing::ElementsAre(tar.size(), tar.size(), tar.size(),
                                     out.bytes().size(), out.bytes().size()));
  EXPECT_EQ(wall, packed->wall);
  EXPECT_GT(packed->cpu.count(), 0);
  EXPECT_GT(packed->stages[2].cpu.count(), 0);
}

TEST(PackLayerTest, DescribesEstargz) {
  const std::string tar = SampleTar();
  MemorySink out;
  auto packed =
      PackLayer(Gives(tar), Form(Compression::kGzip, 4, 0, true), out);
  ASSERT_TRUE(IsOk(packed));
  std::string plain = Decompressed(out.bytes(), Compression::kGzip);
  EXPECT_EQ(packed->layer.diff_id, Digest::Of(plain));
  EXPECT_EQ(packed->layer.uncompressed_bytes, plain.size());
  EXPECT_TRUE(packed->layer.descriptor.annotations.contains(
      std::string(kEstargzTocDigest)));
}

TEST(PackLayerTest, FailsAsTheProducerDoes) {
  const std::string tar = SampleTar();
  TarProducer half = [&](ByteSink& out) -> Status {
    auto written = out.Write(std::string_view(tar).substr(0, tar.size() / 2));
    if (!written) return written;
    return Cancelled("enough");
  };
  for (bool estargz : {false, true}) {
    MemorySink out;
    auto packed =
        PackLayer(half, Form(Compression::kGzip, -1, 0, estargz), out);
    EXPECT_TRUE(FailsWith(packed, ErrorCode::kCancelled, "enough"));
  }
}

TEST(PackLayerTest, RefusesALevelThatThereIsNot) {
  MemorySink out;
  const std::string tar = SampleTar();
  auto packed =
      PackLayer(Gives(tar), Form(Compression::kGzip, 10, 0, false), out);
  EXPECT_TRUE(FailsWith(packed, ErrorCode::kInvalidArgument, "10"));
}

}  // namespace
}  // namespace strake::oci
