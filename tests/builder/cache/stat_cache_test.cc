#include "builder/cache/stat_cache.h"

#include <gtest/gtest.h>
#include <time.h>

#include <fstream>
#include <string>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::cache {
namespace {

using ::strake::testing::IsOk;
using ::strake::testing::TempDir;

context::SourceFile File(uint64_t inode, uint64_t size_bytes) {
  context::SourceFile file;
  file.id = {.device = 0x801, .inode = inode};
  file.size_bytes = size_bytes;
  file.mtime = {-5, 7};
  file.ctime = {1000, 1};
  return file;
}

const oci::Digest kA = oci::Digest::Of("a");
const oci::Digest kB = oci::Digest::Of("b");

TEST(StatCacheTest, FindsOnlyWhatIsUnchanged) {
  StatCache cache;
  context::SourceFile file = File(1, 10);
  EXPECT_FALSE(cache.Find(file));
  cache.Remember(file, kA);
  EXPECT_EQ(cache.Find(file), kA);
  auto changed = [&](auto change) {
    context::SourceFile other = file;
    change(other);
    return !cache.Find(other).has_value();
  };
  EXPECT_TRUE(changed([](auto& f) { f.size_bytes = 11; }));
  EXPECT_TRUE(changed([](auto& f) { f.mtime.tv_nsec = 8; }));
  EXPECT_TRUE(changed([](auto& f) { f.ctime.tv_nsec = 2; }));
  EXPECT_TRUE(changed([](auto& f) { f.id.inode = 2; }));
  EXPECT_TRUE(changed([](auto& f) { f.id.device = 2; }));
}

TEST(StatCacheTest, DoesNotTrustFilesThatJustChanged) {
  StatCache cache;
  context::SourceFile file = File(1, 10);
  // Ahead, so that a busy machine does not make them old meanwhile.
  file.ctime = {::time(nullptr) + 5, 1};
  cache.Remember(file, kA);
  EXPECT_FALSE(cache.Find(file));
  file.ctime = {::time(nullptr) + 5, 0};
  cache.Remember(file, kA);
  EXPECT_FALSE(cache.Find(file));
}

TEST(StatCacheTest, IsKeptInAFile) {
  TempDir folder;
  std::string path = folder.path("stat-cache");
  {
    auto cache = StatCache::Open(path);
    ASSERT_TRUE(IsOk(cache));
    (*cache)->Remember(File(1, 10), kA);
    (*cache)->Remember(File(2, 20), kA);
    (*cache)->Remember(File(2, 20), kB);
  }
  auto again = StatCache::Open(path);
  ASSERT_TRUE(IsOk(again));
  EXPECT_EQ((*again)->Find(File(1, 10)), kA);
  EXPECT_EQ((*again)->Find(File(2, 20)), kB);
}

TEST(StatCacheTest, SeveralWritersShareAFile) {
  TempDir folder;
  std::string path = folder.path("stat-cache");
  {
    auto one = StatCache::Open(path);
    auto two = StatCache::Open(path);
    ASSERT_TRUE(IsOk(one));
    ASSERT_TRUE(IsOk(two));
    for (uint64_t i = 0; i < 2000; ++i) {
      (*one)->Remember(File(2 * i, i), kA);
      (*two)->Remember(File(2 * i + 1, i), kB);
    }
    ASSERT_TRUE(IsOk((*one)->Flush()));
  }
  auto all = StatCache::Open(path);
  ASSERT_TRUE(IsOk(all));
  for (uint64_t i = 0; i < 2000; ++i) {
    ASSERT_EQ((*all)->Find(File(2 * i, i)), kA) << i;
    ASSERT_EQ((*all)->Find(File(2 * i + 1, i)), kB) << i;
  }
}

TEST(StatCacheTest, TornRecordsAreSkipped) {
  TempDir folder;
  std::string path = folder.path("stat-cache");
  {
    auto cache = StatCache::Open(path);
    ASSERT_TRUE(IsOk(cache));
    (*cache)->Remember(File(1, 10), kA);
  }
  std::string line = folder.Read("stat-cache");
  {
    // Cut short by a crash, and followed by what another process appended.
    std::ofstream file(path, std::ios::app);
    file << line.substr(0, line.size() - 20) << line << "nonsense\n\n"
         << line.substr(0, 30);
  }
  auto again = StatCache::Open(path);
  ASSERT_TRUE(IsOk(again));
  EXPECT_EQ((*again)->Find(File(1, 10)), kA);
}

TEST(StatCacheTest, IsCutDownWhenItGrewTooLarge) {
  TempDir folder;
  std::string path = folder.path("stat-cache");
  std::string line;
  {
    auto cache = StatCache::Open(path);
    ASSERT_TRUE(IsOk(cache));
    (*cache)->Remember(File(1, 10), kA);
    (*cache)->Flush().value();
    line = folder.Read("stat-cache");
  }
  {
    std::ofstream file(path, std::ios::app);
    std::string block;
    for (int i = 0; i < 10000; ++i) block += line;
    for (size_t written = 0; written < size_t{65} << 20;
         written += block.size()) {
      file << block;
    }
  }
  {
    auto cache = StatCache::Open(path);
    ASSERT_TRUE(IsOk(cache));
    EXPECT_EQ((*cache)->Find(File(1, 10)), kA);
  }
  EXPECT_EQ(folder.Read("stat-cache"), line);
}

}  // namespace
}  // namespace strake::builder::cache
