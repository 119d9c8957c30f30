#include "oci/compressor.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <random>

#include "oci/digest.h"
#include "tests/support/expect_result.h"
#include "tests/support/run_tool.h"
#include "tests/support/temp_dir.h"

namespace strake::oci {
namespace {

using testing::FailsWith;
using testing::IsOk;
using testing::Sh;
using testing::TempDir;

// Text-like, repetitive, random and zero stretches, some megabytes.
std::string Sample(size_t size) {
  std::mt19937 random(42);
  std::string text;
  while (text.size() < size) {
    switch (random() % 4) {
      case 0:
        text.append(random() % 50000, '\0');
        break;
      case 1:
        for (int i = 0; i < 20000; ++i) text += static_cast<char>(random());
        break;
      case 2:
        for (int i = 0; i < 5000; ++i) {
          text += "word" + std::to_string(random() % 300) + " ";
        }
        break;
      default:
        size_t length = std::min<size_t>(text.size(), random() % 70000);
        text += text.substr(text.size() - length);
    }
  }
  text.resize(size);
  return text;
}

// Takes `piece` bytes a read.
class SlowSource final : public ByteSource {
 public:
  SlowSource(std::string_view bytes, size_t piece)
      : bytes_(bytes), piece_(piece) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    size_t size = std::min({buffer.size(), bytes_.size(), piece_});
    std::copy_n(reinterpret_cast<const std::byte*>(bytes_.data()), size,
                buffer.begin());
    bytes_.remove_prefix(size);
    return size;
  }

 private:
  std::string_view bytes_;
  size_t piece_;
};

std::string Compress(const CompressionOptions& options, std::string_view text,
                     size_t piece = 100'000) {
  MemorySink out;
  auto compressor = NewCompressor(options, out);
  EXPECT_TRUE(IsOk(compressor));
  while (!text.empty()) {
    EXPECT_TRUE(IsOk((*compressor)->Write(text.substr(0, piece))));
    text.remove_prefix(std::min(piece, text.size()));
  }
  EXPECT_TRUE(IsOk((*compressor)->Finish()));
  return out.Take();
}

Result<std::string> Decompress(Compression algorithm, std::string_view bytes,
                               size_t piece = 100'000) {
  SlowSource source(bytes, piece);
  auto decompressor = NewDecompressor(algorithm, source);
  if (!decompressor) return std::move(decompressor).error();
  return ReadAll(**decompressor, uint64_t{1} << 30);
}

CompressionOptions Options(Compression algorithm, int level = -1,
                           int threads = 0) {
  CompressionOptions options;
  options.algorithm = algorithm;
  options.level = level;
  options.threads = threads;
  return options;
}

TEST(CompressorTest, RoundTripsEveryLevelAndSize) {
  std::string sample = Sample(2'300'000);
  for (Compression algorithm :
       {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    int last = algorithm == Compression::kNone   ? 0
               : algorithm == Compression::kGzip ? 9
                                                 : 12;
    for (int level = 0; level <= last; ++level) {
      int chosen = level == 0 ? -1 : level;
      for (size_t size : {size_t{0}, size_t{1}, size_t{1} << 20,
                          (size_t{1} << 20) + 1, sample.size()}) {
        std::string_view text = std::string_view(sample).substr(0, size);
        std::string packed = Compress(Options(algorithm, chosen), text);
        auto unpacked = Decompress(algorithm, packed);
        ASSERT_TRUE(IsOk(unpacked));
        EXPECT_EQ(text, *unpacked)
            << CompressionName(algorithm) << " " << level << " " << size;
      }
    }
  }
}

TEST(CompressorTest, OutputDependsOnNeitherThreadsNorWrites) {
  std::string sample = Sample(9'000'000);
  for (auto [algorithm, level] :
       {std::pair(Compression::kGzip, -1), std::pair(Compression::kGzip, 5),
        std::pair(Compression::kZstd, -1), std::pair(Compression::kZstd, 7)}) {
    Digest expected =
        Digest::Of(Compress(Options(algorithm, level, 0), sample));
    for (int threads : {1, 2, 4}) {
      EXPECT_EQ(expected, Digest::Of(Compress(
                              Options(algorithm, level, threads), sample)))
          << CompressionName(algorithm) << level << " " << threads;
    }
    for (size_t piece : {size_t{512}, size_t{77'777}, sample.size()}) {
      EXPECT_EQ(expected, Digest::Of(Compress(Options(algorithm, level, 2),
                                              sample, piece)))
          << CompressionName(algorithm) << level << " piece " << piece;
    }
  }
}

TEST(CompressorTest, SmallInputIsEqualForAllThreadsToo) {
  for (Compression algorithm : {Compression::kGzip, Compression::kZstd}) {
    for (std::string_view text : {"", "x", "some words"}) {
      EXPECT_EQ(Compress(Options(algorithm, -1, 0), text),
                Compress(Options(algorithm, -1, 4), text));
    }
  }
}

TEST(CompressorTest, RefusesLevelsOutOfRange) {
  NullSink out;
  for (int level : {0, 10, -2}) {
    EXPECT_TRUE(
        FailsWith(NewCompressor(Options(Compression::kGzip, level), out),
                  ErrorCode::kInvalidArgument, "1 to 9"));
  }
  for (int level : {0, 23, -2}) {
    EXPECT_TRUE(
        FailsWith(NewCompressor(Options(Compression::kZstd, level), out),
                  ErrorCode::kInvalidArgument, "1 to 22"));
  }
  EXPECT_TRUE(FailsWith(NewCompressor(Options(Compression::kNone, 1), out),
                        ErrorCode::kInvalidArgument));
}

class FullSink final : public ByteSink {
 public:
  Status Write(std::span<const std::byte> data) override {
    room_ -= std::min(room_, data.size());
    if (room_ > 0) return {};
    return IoError("disk full");
  }

 private:
  size_t room_ = 1'000'000;
};

TEST(CompressorTest, PassesOnTheSinksErrorAndStops) {
  std::string sample = Sample(9'000'000);
  for (Compression algorithm : {Compression::kGzip, Compression::kZstd}) {
    for (int threads : {0, 3}) {
      FullSink full;
      auto compressor = NewCompressor(Options(algorithm, -1, threads), full);
      ASSERT_TRUE(IsOk(compressor));
      Status status = (*compressor)->Write(sample);
      if (status) status = (*compressor)->Finish();
      EXPECT_TRUE(FailsWith(status, ErrorCode::kIo, "disk full"));
    }
  }
}

TEST(CompressorTest, OthersReadOurGzip) {
  std::string sample = Sample(4'500'000);
  std::string hex = Digest::Of(sample).Hex();
  TempDir dir;
  for (int level : {1, 3, 6, 9}) {
    dir.Write("x.gz", Compress(Options(Compression::kGzip, level), sample));
    std::string file = dir.path("x.gz");
    EXPECT_EQ(hex + "  -\n", Sh("gzip -dc " + file + " | sha256sum"));
    EXPECT_EQ(hex + "\n", Sh("python3 -c 'import gzip,hashlib;print(hashlib."
                             "sha256(gzip.open(\"" +
                             file + "\").read()).hexdigest())'"));
    Sh("gzip -t " + file);
    // zlib reads members one by one, as every reader built on it does.
    gzFile in = ::gzopen(file.c_str(), "rb");
    std::string seen(sample.size() + 1, '\0');
    EXPECT_EQ(static_cast<int>(sample.size()),
              ::gzread(in, seen.data(), static_cast<unsigned>(seen.size())));
    EXPECT_EQ(Z_OK, ::gzclose(in));
    seen.pop_back();
    EXPECT_EQ(sample, seen);
  }
}

// A reader that stops after the first member sees all of the fast levels.
TEST(CompressorTest, FastGzipIsOneMember) {
  std::string sample = Sample(3'000'000);
  std::string packed = Compress(Options(Compression::kGzip), sample);
  z_stream stream = {};
  ASSERT_EQ(Z_OK, ::inflateInit2(&stream, 15 + 16));
  std::string seen(sample.size() + 100, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(seen.data());
  stream.avail_out = static_cast<uInt>(seen.size());
  EXPECT_EQ(Z_STREAM_END, ::inflate(&stream, Z_FINISH));
  EXPECT_EQ(sample.size(), stream.total_out);
  EXPECT_EQ(0u, stream.avail_in);
  ::inflateEnd(&stream);
}

TEST(CompressorTest, OthersReadOurZstd) {
  if (!testing::HaveTool("zstd")) GTEST_SKIP() << "zstd is not installed";
  std::string sample = Sample(20'000'000);
  TempDir dir;
  dir.Write("x.zst", Compress(Options(Compression::kZstd, -1, 2), sample));
  EXPECT_EQ(Digest::Of(sample).Hex() + "  -\n",
            Sh("zstd -dc " + dir.path("x.zst") + " | sha256sum"));
}

TEST(CompressorTest, WeReadOthersGzip) {
  std::string sample = Sample(2'000'000);
  TempDir dir;
  dir.Write("x", sample);
  for (const char* command :
       {"gzip -1 -c x", "gzip -9 -c x", "gzip -c < x",
        "(head -c 1000000 x | gzip -c; tail -c +1000001 x | gzip -c)",
        "(gzip -c x; head -c 3000 /dev/zero)",
        "python3 -c 'import gzip,sys;sys.stdout.buffer.write(gzip.compress("
        "open(\"x\",\"rb\").read(),0))'"}) {
    Sh("cd " + dir.path() + " && " + command + " > x.gz");
    for (size_t piece : {size_t{13}, size_t{1} << 20}) {
      std::string packed = dir.Read("x.gz");
      auto unpacked = Decompress(Compression::kGzip, packed, piece);
      ASSERT_TRUE(IsOk(unpacked)) << command << " " << piece;
      EXPECT_EQ(sample, *unpacked) << command << " " << piece;
    }
  }
}

// Members with every kind of header field, and as many as there are bytes.
TEST(CompressorTest, ReadsManySmallMembersWithFullHeaders) {
  std::string packed;
  std::string expected;
  for (int i = 0; i < 300; ++i) {
    std::string piece(static_cast<size_t>(i % 40), static_cast<char>(i));
    std::string name = "n" + std::to_string(i);
    gz_header header = {};
    header.name = reinterpret_cast<Bytef*>(name.data());
    std::string extra(static_cast<size_t>(i % 7) + 4, 'e');
    header.extra = reinterpret_cast<Bytef*>(extra.data());
    header.extra_len = static_cast<uInt>(extra.size());
    header.comment = reinterpret_cast<Bytef*>(name.data());
    header.hcrc = i % 2;
    z_stream stream = {};
    ASSERT_EQ(Z_OK, ::deflateInit2(&stream, i % 10, Z_DEFLATED, 15 + 16, 8,
                                   Z_DEFAULT_STRATEGY));
    ::deflateSetHeader(&stream, &header);
    std::string member(1000, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_in = static_cast<uInt>(piece.size());
    stream.next_out = reinterpret_cast<Bytef*>(member.data());
    stream.avail_out = static_cast<uInt>(member.size());
    ASSERT_EQ(Z_STREAM_END, ::deflate(&stream, Z_FINISH));
    member.resize(stream.total_out);
    ::deflateEnd(&stream);
    packed += member;
    expected += piece;
  }
  for (size_t piece = 1; piece < 60; ++piece) {
    auto unpacked = Decompress(Compression::kGzip, packed, piece);
    ASSERT_TRUE(IsOk(unpacked)) << piece;
    EXPECT_EQ(expected, *unpacked) << piece;
  }
}

TEST(DecompressorTest, ReportsEveryTruncation) {
  std::string sample = Sample(3000);
  for (Compression algorithm : {Compression::kGzip, Compression::kZstd}) {
    std::string packed = Compress(Options(algorithm), sample);
    for (size_t size = 0; size < packed.size(); ++size) {
      EXPECT_TRUE(FailsWith(
          Decompress(algorithm, std::string_view(packed).substr(0, size)),
          ErrorCode::kCorrupt))
          << CompressionName(algorithm) << " " << size;
    }
  }
}

TEST(DecompressorTest, NeverTakesDamageForContent) {
  std::string sample = Sample(3000);
  for (auto [algorithm, level] :
       {std::pair(Compression::kGzip, 1), std::pair(Compression::kGzip, 6),
        std::pair(Compression::kZstd, 3)}) {
    std::string packed = Compress(Options(algorithm, level), sample);
    std::mt19937 random(1);
    for (int i = 0; i < 3000; ++i) {
      std::string damaged = packed;
      for (unsigned n = 1 + random() % 3; n > 0; --n) {
        damaged[random() % damaged.size()] ^=
            static_cast<char>(1 + random() % 255);
      }
      auto unpacked = Decompress(algorithm, damaged);
      // Damage to a field that means nothing (a time) may pass.
      EXPECT_TRUE(!unpacked || *unpacked == sample) << i;
    }
  }
}

TEST(DecompressorTest, ReportsWhatFollowsTheEnd) {
  for (Compression algorithm : {Compression::kGzip, Compression::kZstd}) {
    std::string packed = Compress(Options(algorithm), "content");
    EXPECT_TRUE(FailsWith(Decompress(algorithm, packed + "garbage"),
                          ErrorCode::kCorrupt));
    EXPECT_TRUE(IsOk(Decompress(algorithm, packed + packed)));
  }
  std::string packed = Compress(Options(Compression::kGzip), "content");
  std::string zeros(1000, '\0');
  EXPECT_TRUE(IsOk(Decompress(Compression::kGzip, packed + zeros)));
  EXPECT_TRUE(FailsWith(Decompress(Compression::kGzip, packed + zeros + "x"),
                        ErrorCode::kCorrupt));
  EXPECT_TRUE(FailsWith(Decompress(Compression::kGzip, zeros + packed),
                        ErrorCode::kCorrupt));
}

TEST(DecompressorTest, SkipsSkippableZstdFrames) {
  std::string frame("\x50\x2a\x4d\x18\x04\0\0\0abcd", 12);
  std::string packed = Compress(Options(Compression::kZstd), "content");
  auto unpacked = Decompress(Compression::kZstd, frame + packed + frame);
  ASSERT_TRUE(IsOk(unpacked));
  EXPECT_EQ("content", *unpacked);
}

TEST(DetectCompressionTest, KnowsTheMagicNumbers) {
  auto detect = [](std::string_view head) {
    return DetectCompression(std::as_bytes(std::span(head)));
  };
  using std::literals::operator""sv;
  EXPECT_EQ(Compression::kGzip, detect("\x1f\x8b\x08\0\0\0"sv));
  EXPECT_EQ(Compression::kZstd, detect("\x28\xb5\x2f\xfd\0\0"sv));
  EXPECT_EQ(Compression::kZstd, detect("\x5f\x2a\x4d\x18\0\0"sv));
  EXPECT_EQ(Compression::kNone, detect("\x1f\x8b"sv));
  EXPECT_EQ(Compression::kNone, detect(""sv));
  EXPECT_EQ(Compression::kNone, detect("etc/pa"sv));
  EXPECT_EQ(Compression::kNone, detect("BZh91A"sv));
}

}  // namespace
}  // namespace strake::oci
