#include "cli/stdin_context.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <thread>

#include "util/byte_stream.h"
#include "util/unique_fd.h"

namespace strake::cli {
namespace {

using namespace std::string_literals;

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(pipe2(ends, O_CLOEXEC), 0);
    read_end.reset(ends[0]);
    write_end.reset(ends[1]);
  }
  UniqueFd read_end;
  UniqueFd write_end;
};

std::string Tar(size_t bytes) {
  std::string tar(bytes, 'x');
  tar.replace(0, 512, 512, '\0');
  tar.replace(0, 4, "file");
  tar.replace(257, 5, "ustar");
  return tar;
}

TEST(LooksLikeArchiveTest, KnowsTarAndItsCompressions) {
  EXPECT_TRUE(LooksLikeArchive("\x1f\x8b\x08"s));
  EXPECT_TRUE(LooksLikeArchive("BZh91AY"));
  EXPECT_TRUE(
      LooksLikeArchive("\xfd"
                       "7zXZ\0\0"s));
  EXPECT_TRUE(LooksLikeArchive("\x28\xb5\x2f\xfd"s));
  EXPECT_TRUE(LooksLikeArchive(Tar(512)));
  EXPECT_TRUE(LooksLikeArchive(std::string(512, '\0')));
  EXPECT_FALSE(LooksLikeArchive("FROM scratch\n"));
  EXPECT_FALSE(LooksLikeArchive(std::string(512, '#')));
}

TEST(StdinContextTest, PassesATarOnFromItsFirstByte) {
  Pipe pipe;
  std::string tar = Tar(3'000'000);
  std::thread writer([&] {
    // In odd pieces: the first is too short to tell anything.
    std::string_view rest = tar;
    for (size_t piece = 100; !rest.empty(); piece = 70'001) {
      auto bytes = rest.substr(0, piece);
      ASSERT_TRUE(
          WriteFully(pipe.write_end.get(), std::as_bytes(std::span(bytes))));
      rest.remove_prefix(bytes.size());
    }
    pipe.write_end.reset();
  });
  auto context = StdinContext::Open(pipe.read_end.get());
  ASSERT_TRUE(context) << context.error().message();
  EXPECT_FALSE((*context)->dockerfile());
  FdSource source((*context)->tar_fd());
  EXPECT_EQ(ReadAll(source, 10'000'000).value(), tar);
  writer.join();
}

TEST(StdinContextTest, ADockerfileComesWithAnEmptyTar) {
  Pipe pipe;
  std::string text = "FROM scratch\n" + std::string(2000, '#');
  ASSERT_TRUE(WriteFully(pipe.write_end.get(), std::as_bytes(std::span(text))));
  pipe.write_end.reset();
  auto context = StdinContext::Open(pipe.read_end.get());
  ASSERT_TRUE(context);
  EXPECT_EQ((*context)->dockerfile(), text);
  FdSource source((*context)->tar_fd());
  EXPECT_EQ(ReadAll(source, 4096).value(), std::string(1024, '\0'));
}

TEST(StdinContextTest, EndsThoughNobodyReadsOrWrites) {
  std::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  std::string tar = Tar(4096);
  ASSERT_TRUE(WriteFully(pipe.write_end.get(), std::as_bytes(std::span(tar))));
  // The writer stays: the pump waits for more, and must still be ended.
  auto context = StdinContext::Open(pipe.read_end.get());
  ASSERT_TRUE(context);
  context->reset();
}

TEST(StdinContextTest, NothingIsAnError) {
  Pipe pipe;
  pipe.write_end.reset();
  auto context = StdinContext::Open(pipe.read_end.get());
  ASSERT_FALSE(context);
  EXPECT_THAT(context.error().message(), testing::HasSubstr("is empty"));
}

}  // namespace
}  // namespace strake::cli
