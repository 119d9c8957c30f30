#include "cli/display_text.h"

#include <gtest/gtest.h>

namespace strake::cli {
namespace {

TEST(DisplayTextTest, MeasuresColumns) {
  EXPECT_EQ(DisplayWidth("abc"), 3u);
  EXPECT_EQ(DisplayWidth("é"), 1u);
  EXPECT_EQ(DisplayWidth("e\u0301"), 1u);  // with a combining accent
  EXPECT_EQ(DisplayWidth("日本"), 4u);
  EXPECT_EQ(DisplayWidth("🚀"), 2u);
  EXPECT_EQ(DisplayWidth("\xff\xfe"), 2u);
}

TEST(DisplayTextTest, CutsBetweenCharacters) {
  EXPECT_EQ(CutToWidth("abc", 2), "ab");
  EXPECT_EQ(CutToWidth("abc", 9), "abc");
  EXPECT_EQ(CutToWidth("日本", 3), "日");
  EXPECT_EQ(CutToWidth("ab", 0), "");
}

TEST(DisplayTextTest, LeavesWhatATerminalWouldShow) {
  EXPECT_EQ(PlainLine("plain\n"), "plain");
  EXPECT_EQ(PlainLine(" 10%\r 50%\r100%\r"), "100%");
  EXPECT_EQ(PlainLine("\033[1;31mred\033[0m"), "red");
  EXPECT_EQ(PlainLine("\033]0;title\aafter"), "after");
  EXPECT_EQ(PlainLine("\033]8;;http://x\033\\link"), "link");
  EXPECT_EQ(PlainLine("a\tb"), "a       b");
  EXPECT_EQ(PlainLine("a\ab\x7f"), "ab");
  EXPECT_EQ(PlainLine("\xc2\x9b"
                      "31m"),
            "31m");  // C1 control
  EXPECT_EQ(PlainLine("\xff"), "?");
  EXPECT_EQ(PlainLine("cut \033["), "cut ");
}

TEST(DisplayTextTest, FormatsSeconds) {
  EXPECT_EQ(FormatSeconds(std::chrono::milliseconds(1234)), "1.2s");
  EXPECT_EQ(FormatSeconds(std::chrono::milliseconds(-5)), "0.0s");
}

TEST(DisplayTextTest, TellsThePaceOfATransfer) {
  using std::chrono::seconds;
  EXPECT_EQ(TransferPace(0, 10, seconds(5)), "");
  EXPECT_EQ(TransferPace(5, 10, std::chrono::milliseconds(10)), "");
  EXPECT_EQ(TransferPace(20'000'000, 0, seconds(2)), "10.0MB/s");
  EXPECT_EQ(TransferPace(20'000'000, 1'020'000'000, seconds(2)),
            "10.0MB/s, 1m40s left");
  EXPECT_EQ(TransferPace(1000, 8'000'000, seconds(1)),
            "1.00kB/s, 2h13m19s left");
}

}  // namespace
}  // namespace strake::cli
