#include "cli/storage_values.h"

#include <gtest/gtest.h>

namespace strake::cli {
namespace {

TEST(StorageValuesTest, ReadsSizes) {
  EXPECT_EQ(ParseBytes("--x", "4096").value_or(0), 4096u);
  EXPECT_EQ(ParseBytes("--x", "5kb").value_or(0), 5000u);
  EXPECT_EQ(ParseBytes("--x", "1.5M").value_or(0), 1500000u);
  EXPECT_EQ(ParseBytes("--x", "2GiB").value_or(0), uint64_t{2} << 30);
  for (const char* wrong :
       {"", "x", "1zb", "1.2.3", "-1", "1 GB", "99999999T"}) {
    EXPECT_FALSE(ParseBytes("--x", wrong)) << wrong;
  }
}

TEST(StorageValuesTest, ReadsTimes) {
  using std::chrono::seconds;
  EXPECT_EQ(ParseDuration("--x", "90").value_or(seconds()), seconds(90));
  EXPECT_EQ(ParseDuration("--x", "1h30m").value_or(seconds()), seconds(5400));
  EXPECT_EQ(ParseDuration("--x", "7d").value_or(seconds()), seconds(604800));
  for (const char* wrong : {"", "d", "1y", "soon", "1h-2m"}) {
    EXPECT_FALSE(ParseDuration("--x", wrong)) << wrong;
  }
}

TEST(StorageValuesTest, AlignsTables) {
  EXPECT_EQ(FormatTable({{"A", "B"}, {"long", "x"}}), "A      B\nlong   x\n");
}

}  // namespace
}  // namespace strake::cli
