#include "util/byte_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"

namespace strake {
namespace {

class FailingSink final : public ByteSink {
 public:
  using ByteSink::Write;
  Status Write(std::span<const std::byte>) override {
    return IoError("no more");
  }
};

// Gives one byte at a time.
class SlowSource final : public ByteSource {
 public:
  explicit SlowSource(std::string_view text) : text_(text) {}
  Result<size_t> Read(std::span<std::byte> buffer) override {
    return text_.Read(buffer.first(std::min<size_t>(1, buffer.size())));
  }

 private:
  MemorySource text_;
};

TEST(ByteStreamTest, CopiesToTheEndWhateverTheReadsAre) {
  SlowSource source("hello");
  MemorySink sink;
  uint64_t seen = 0;
  auto copied = CopyAll(source, sink, [&](uint64_t count) { seen += count; });
  ASSERT_TRUE(copied);
  EXPECT_EQ(5u, *copied);
  EXPECT_EQ(5u, seen);
  EXPECT_EQ("hello", sink.bytes());
}

TEST(ByteStreamTest, CopyPassesTheSinksErrorOn) {
  MemorySource source("x");
  FailingSink sink;
  auto copied = CopyAll(source, sink);
  ASSERT_FALSE(copied);
  EXPECT_EQ("no more", copied.error().message());
}

TEST(ByteStreamTest, ReadAllIsBounded) {
  MemorySource exact("12345");
  EXPECT_EQ("12345", *ReadAll(exact, 5));
  MemorySource more("123456");
  auto text = ReadAll(more, 5);
  ASSERT_FALSE(text);
  EXPECT_EQ(ErrorCode::kInvalidArgument, text.error().code());
}

TEST(ByteStreamTest, TeeAndCountingPassEverythingOn) {
  MemorySink first, second;
  TeeSink tee(first, second);
  CountingSink counting(tee);
  ASSERT_TRUE(counting.Write("ab"));
  ASSERT_TRUE(counting.Write("c"));
  ASSERT_TRUE(counting.Finish());
  EXPECT_EQ("abc", first.bytes());
  EXPECT_EQ("abc", second.Take());
  EXPECT_EQ(3u, counting.bytes_written());
}

TEST(ByteStreamTest, DescriptorsAreBorrowedOrOwned) {
  testing::TempDir dir;
  int borrowed =
      ::open(dir.path("f").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  {
    FdSink sink(borrowed);
    ASSERT_TRUE(sink.Write("content"));
  }
  ASSERT_EQ(0, ::lseek(borrowed, 0, SEEK_SET));
  {
    FdSource source{UniqueFd(borrowed)};
    EXPECT_EQ("content", *ReadAll(source, 100));
  }
  EXPECT_EQ(-1, ::fcntl(borrowed, F_GETFD));
}

TEST(ByteStreamTest, ReadsFilesAndNamesThemInErrors) {
  testing::TempDir dir;
  dir.Write("f", "content");
  EXPECT_EQ("content", *ReadFile(dir.path("f")));
  auto missing = ReadFile(dir.path("none"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(ErrorCode::kNotFound, missing.error().code());
  auto large = ReadFile(dir.path("f"), 3);
  ASSERT_FALSE(large);
  EXPECT_NE(std::string::npos, large.error().message().find(dir.path("f")));
}

TEST(ByteStreamTest, ReportsAFullDisk) {
  UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  FdSink sink(full.get());
  auto written = sink.Write("x");
  ASSERT_FALSE(written);
  EXPECT_EQ("write: No space left on device", written.error().message());
}

}  // namespace
}  // namespace strake
