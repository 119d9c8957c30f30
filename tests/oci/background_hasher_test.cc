#include "oci/background_hasher.h"

#include <gtest/gtest.h>

#include <string>

namespace strake::oci {
namespace {

std::string SomeBytes(size_t count) {
  std::string bytes(count, '\0');
  uint32_t state = 1;
  for (char& byte : bytes) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return bytes;
}

TEST(BackgroundHasherTest, GivesTheDigestWhereverItIsComputed) {
  // Nothing; less than a buffer; buffers to the byte; more than are kept.
  for (size_t size : {size_t{0}, size_t{1000}, 2 * kStreamBufferBytes,
                      20 * kStreamBufferBytes + 7}) {
    const std::string bytes = SomeBytes(size);
    for (HashThread thread : {HashThread::kCallers, HashThread::kOwn}) {
      for (size_t piece : {size_t{999}, size_t{3} << 20}) {
        BackgroundHasher hasher(thread);
        for (size_t at = 0; at < size; at += piece) {
          std::string_view part = std::string_view(bytes).substr(at, piece);
          hasher.Update(std::as_bytes(std::span(part)));
        }
        EXPECT_EQ(hasher.Finish(), Digest::Of(bytes)) << size << " " << piece;
      }
    }
  }
}

TEST(BackgroundHasherTest, TellsWhatItsThreadTook) {
  const std::string bytes = SomeBytes(8 * kStreamBufferBytes);
  BackgroundHasher here(HashThread::kCallers);
  here.Update(std::as_bytes(std::span(bytes)));
  here.Finish();
  EXPECT_EQ(here.thread_time().count(), 0);
  BackgroundHasher aside(HashThread::kOwn);
  aside.Update(std::as_bytes(std::span(bytes)));
  aside.Finish();
  EXPECT_GT(aside.thread_time().count(), 0);
}

TEST(BackgroundHasherTest, CanBeGivenUpInTheMiddle) {
  const std::string bytes = SomeBytes(8 * kStreamBufferBytes + 1);
  BackgroundHasher hasher(HashThread::kOwn);
  hasher.Update(std::as_bytes(std::span(bytes)));
}

}  // namespace
}  // namespace strake::oci
