#include "builder/snapshot/metadata_scan.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "tests/support/temp_dir.h"

namespace strake::builder::snapshot {
namespace {

struct statx StatOf(const testing::TempDir& dir, const char* name) {
  struct statx st = {};
  EXPECT_EQ(
      0, ::statx(dir.fd(), name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, &st));
  return st;
}

void LetTimesSettle() {
  std::this_thread::sleep_for(std::chrono::milliseconds(60));
}

TEST(MetadataScanTest, KnowsWhatNobodyTouched) {
  testing::TempDir dir;
  dir.Write("a/file", "x");
  dir.Write("b", "x");
  LetTimesSettle();
  auto scan = ScanTree(dir.fd());
  ASSERT_TRUE(scan) << scan.error().message();
  ASSERT_EQ(3u, scan->size());
  EXPECT_EQ("a", (*scan)[0].path);
  EXPECT_EQ("a/file", (*scan)[1].path);
  EXPECT_EQ("b", (*scan)[2].path);
  EXPECT_TRUE((*scan)[1].Untouched(StatOf(dir, "a/file")));
  EXPECT_FALSE((*scan)[1].Untouched(StatOf(dir, "b")));

  struct statx before = StatOf(dir, "b");
  struct timespec times[2] = {
      {0, UTIME_OMIT},
      {before.stx_mtime.tv_sec, static_cast<long>(before.stx_mtime.tv_nsec)}};
  dir.Write("b", "y");
  ASSERT_EQ(0, ::utimensat(dir.fd(), "b", times, 0));
  EXPECT_FALSE((*scan)[2].Untouched(StatOf(dir, "b")))
      << "same size and time, but written to";
}

TEST(MetadataScanTest, TakesWhatJustChangedForTouched) {
  testing::TempDir dir;
  dir.Write("a", "x");
  auto scan = ScanTree(dir.fd());
  ASSERT_TRUE(scan);
  ASSERT_EQ(1u, scan->size());
  EXPECT_FALSE((*scan)[0].Untouched(StatOf(dir, "a")));
}

TEST(MetadataScanTest, LooksAtSomePathsAgain) {
  testing::TempDir dir;
  dir.Write("a/b/file", "x");
  dir.Write("c", "x");
  dir.Write("d", "x");
  LetTimesSettle();
  const auto scan = ScanTree(dir.fd());
  ASSERT_TRUE(scan);
  std::filesystem::remove_all(dir.path("a/b"));
  dir.Write("a/new", "x");
  dir.Write("d", "y");
  LetTimesSettle();
  const auto now = RescanPaths(dir.fd(), *scan, {"a", "a/b", "a/new", "d"});
  const auto whole = ScanTree(dir.fd());
  ASSERT_TRUE(now && whole);
  ASSERT_EQ(whole->size(), now->size());
  for (size_t i = 0; i < now->size(); ++i) {
    EXPECT_EQ((*whole)[i].path, (*now)[i].path);
    EXPECT_TRUE((*whole)[i].SameAs((*now)[i])) << (*now)[i].path;
  }
}

TEST(MetadataScanTest, SurvivesItsForm) {
  MetadataScan scan = {{"a", 1, -5},
                       {"a/with\nbreak", 1ull << 63, ScannedFile::kUnsettled},
                       {"b", 0, 1700000000123456789}};
  auto parsed = ParseScan(SerializeScan(scan));
  ASSERT_TRUE(parsed) << parsed.error().message();
  ASSERT_EQ(scan.size(), parsed->size());
  for (size_t i = 0; i < scan.size(); ++i) {
    EXPECT_EQ(scan[i].path, (*parsed)[i].path);
    EXPECT_EQ(scan[i].inode, (*parsed)[i].inode);
    EXPECT_EQ(scan[i].ctime_ns, (*parsed)[i].ctime_ns);
  }
}

TEST(MetadataScanTest, RejectsWhatIsNoScan) {
  std::string whole = SerializeScan({{"a", 1, 2}});
  EXPECT_FALSE(ParseScan(""));
  EXPECT_FALSE(ParseScan("something else"));
  for (size_t cut = 1; cut <= 18; ++cut) {
    if (cut == 18) {
      EXPECT_TRUE(ParseScan(whole.substr(0, whole.size() - cut)));
      continue;
    }
    auto parsed = ParseScan(whole.substr(0, whole.size() - cut));
    ASSERT_FALSE(parsed) << cut;
    EXPECT_EQ(ErrorCode::kCorrupt, parsed.error().code());
  }
}

}  // namespace
}  // namespace strake::builder::snapshot
