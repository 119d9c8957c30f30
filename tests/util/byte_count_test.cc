#include "util/byte_count.h"

#include <gtest/gtest.h>

namespace strake {
namespace {

TEST(ByteCountTest, ReadsUnitsOfAThousandAndOf1024) {
  EXPECT_EQ(ParseByteCount("4096"), 4096u);
  EXPECT_EQ(ParseByteCount("5kB"), 5000u);
  EXPECT_EQ(ParseByteCount("1.5M"), 1500000u);
  EXPECT_EQ(ParseByteCount("2GiB"), uint64_t{2} << 30);
}

TEST(ByteCountTest, RefusesAnythingElse) {
  for (const char* wrong : {"", "x", "1zb", "1.2.3", "-1", "1 GB", "1GBx"}) {
    EXPECT_FALSE(ParseByteCount(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace strake
