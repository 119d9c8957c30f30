#include "builder/sandbox/id_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strake::builder::sandbox {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(SubordinateIdsTest, FindsRangesByNameAndByNumber) {
  const char* text =
      "other:1:2\n"
      "ann:100000:65536\n"
      "# a comment\n"
      "1000:300000:10\n"
      "10000:5:5\n";
  EXPECT_THAT(ParseSubordinateIds(text, "ann", 1000),
              ElementsAre(IdRange{100000, 65536}, IdRange{300000, 10}));
  EXPECT_THAT(ParseSubordinateIds(text, "", 1001), IsEmpty());
}

TEST(SubordinateIdsTest, PassesOverLinesThatAreNotWellFormed) {
  const char* text =
      "ann:1\nann:x:5\nann:5:-1\nann:1:0\nann:1:2:3\nann:4294967296:1\n"
      "ann:7:7";
  EXPECT_THAT(ParseSubordinateIds(text, "ann", 1), ElementsAre(IdRange{7, 7}));
}

TEST(IdMapTest, PutsOwnIdFirstAndRangesBehind) {
  EXPECT_THAT(BuildIdMap(1000, {{100000, 65536}, {300000, 10}}),
              ElementsAre(IdMapEntry{0, 1000, 1}, IdMapEntry{1, 100000, 65536},
                          IdMapEntry{65537, 300000, 10}));
}

TEST(IdMapTest, LeavesOutWhatOverlaps) {
  EXPECT_THAT(BuildIdMap(1000, {{500, 1000}, {2000, 10}, {2009, 5}, {2010, 1}}),
              ElementsAre(IdMapEntry{0, 1000, 1}, IdMapEntry{1, 2000, 10},
                          IdMapEntry{11, 2010, 1}));
}

TEST(IdMapTest, StaysWithinTheKernelsLimit) {
  std::vector<IdRange> ranges;
  for (uint32_t i = 0; i < 500; ++i) ranges.push_back({10000 + 10 * i, 5});
  EXPECT_EQ(BuildIdMap(1000, ranges).size(), 340U);
}

TEST(IdMapTest, IdentityMapsWhatIsMapped) {
  EXPECT_THAT(IdentityMap("         0       1000          1\n"
                          "         1     100000      65536\n"),
              ElementsAre(IdMapEntry{0, 0, 1}, IdMapEntry{1, 1, 65536}));
}

TEST(IdMapTest, WritesLinesForTheKernel) {
  EXPECT_EQ(FormatIdMap({{0, 1000, 1}, {1, 100000, 65536}}),
            "0 1000 1\n1 100000 65536\n");
}

}  // namespace
}  // namespace strake::builder::sandbox
