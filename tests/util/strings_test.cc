#include "util/strings.h"

#include <gtest/gtest.h>

namespace strake {
namespace {

using Views = std::vector<std::string_view>;

TEST(StringsTest, SplitKeepsEmptyPieces) {
  EXPECT_EQ((Views{"a", "", "b"}), Split("a,,b", ','));
  EXPECT_EQ((Views{""}), Split("", ','));
  EXPECT_EQ((Views{"", ""}), Split(",", ','));
}

TEST(StringsTest, SplitOnceCutsAtTheFirst) {
  auto parts = SplitOnce("k=v=w", '=');
  ASSERT_TRUE(parts);
  EXPECT_EQ("k", parts->first);
  EXPECT_EQ("v=w", parts->second);
  EXPECT_FALSE(SplitOnce("kv", '='));
}

TEST(StringsTest, Joins) {
  EXPECT_EQ("", Join({}, ", "));
  EXPECT_EQ("a", Join({"a"}, ", "));
  EXPECT_EQ("a, , b", Join({"a", "", "b"}, ", "));
}

TEST(StringsTest, TrimsBlanksOnly) {
  EXPECT_EQ("a b", Trim(" \t\n\v\f\ra b\r\n"));
  EXPECT_EQ("", Trim(" \n"));
  EXPECT_EQ("a ", TrimLeft(" a "));
  EXPECT_EQ(" a", TrimRight(" a "));
  // U+00A0 is not a blank, nor is its last byte alone.
  EXPECT_EQ("\xc2\xa0", Trim("\xc2\xa0"));
}

TEST(StringsTest, ChangesTheCaseOfAsciiOnly) {
  EXPECT_EQ("az\xc3\x84@[", ToLower("AZ\xc3\x84@["));
  EXPECT_EQ("AZ\xc3\xa4`{", ToUpper("az\xc3\xa4`{"));
  EXPECT_TRUE(EqualsIgnoreCase("CoPy", "cOpY"));
  EXPECT_FALSE(EqualsIgnoreCase("copy", "cop"));
  EXPECT_FALSE(EqualsIgnoreCase("\xc3\x84", "\xc3\xa4"));
}

TEST(StringsTest, ReplacesAllWithoutRescanning) {
  EXPECT_EQ("aaXaXa", ReplaceAll("aXXa", "X", "aX"));
  EXPECT_EQ("aaaa", ReplaceAll("aa", "a", "aa"));
  EXPECT_EQ("", ReplaceAll("aaa", "a", ""));
  EXPECT_EQ("ba", ReplaceAll("aaa", "aa", "b"));
  EXPECT_EQ("abc", ReplaceAll("abc", "x", "y"));
}

TEST(StringsTest, ParsesNumbersThatFillTheText) {
  EXPECT_EQ(-12, ParseInt("-12"));
  EXPECT_EQ(INT64_MIN, ParseInt("-9223372036854775808"));
  for (const char* text :
       {"", "+1", " 1", "1 ", "1x", "0x10", "-", "9223372036854775808"}) {
    EXPECT_FALSE(ParseInt(text)) << text;
  }
  EXPECT_EQ(0755u, ParseUint("755", 8));
  EXPECT_EQ(UINT64_MAX, ParseUint("18446744073709551615"));
  for (const char* text : {"", "-1", "8", "18446744073709551616"}) {
    EXPECT_FALSE(ParseUint(text, *text == '8' ? 8 : 10)) << text;
  }
}

TEST(StringsTest, HexIsLowerCaseAndExact) {
  const std::byte bytes[] = {std::byte{0}, std::byte{0xab}, std::byte{0xff}};
  EXPECT_EQ("00abff", HexEncode(bytes));
  auto decoded = HexDecode("00abff");
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(std::equal(decoded->begin(), decoded->end(), bytes));
  EXPECT_TRUE(HexDecode("")->empty());
  for (const char* text : {"a", "AB", "0g", "0x12"}) {
    EXPECT_FALSE(HexDecode(text)) << text;
  }
}

// RFC 4648, section 10.
TEST(StringsTest, Base64TestVectors) {
  const std::pair<const char*, const char*> vectors[] = {
      {"", ""},
      {"f", "Zg=="},
      {"fo", "Zm8="},
      {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="},
      {"fooba", "Zm9vYmE="},
      {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : vectors) {
    EXPECT_EQ(encoded, Base64Encode(plain));
    EXPECT_EQ(plain, Base64Decode(encoded));
  }
}

TEST(StringsTest, Base64TakesTheUrlAlphabetAndNoPadding) {
  EXPECT_EQ("\xfb\xff\xfe", Base64Decode("+//+"));
  EXPECT_EQ("\xfb\xff\xfe", Base64Decode("-__-"));
  EXPECT_EQ("fo", Base64Decode("Zm8"));
  for (const char* text : {"Z", "Zm9v!", "Zm 8="}) {
    EXPECT_FALSE(Base64Decode(text)) << text;
  }
}

TEST(StringsTest, PrintsSizesInPowersOfAThousand) {
  EXPECT_EQ("0B", HumanBytes(0));
  EXPECT_EQ("999B", HumanBytes(999));
  EXPECT_EQ("1.00kB", HumanBytes(1000));
  EXPECT_EQ("12.3kB", HumanBytes(12345));
  EXPECT_EQ("1.00MB", HumanBytes(999990));
  EXPECT_EQ("18.4EB", HumanBytes(UINT64_MAX));
}

TEST(StringsTest, QuotesAsGoDoes) {
  EXPECT_EQ(R"("a\"b\\c\n\t\x00\x7f")",
            GoQuote(std::string_view("a\"b\\c\n\t\0\x7f", 9)));
  EXPECT_EQ("\"\xc3\xa4\"", GoQuote("\xc3\xa4"));
  EXPECT_EQ(R"("\xc3(\xff\xed\xa0\x80")", GoQuote("\xc3(\xff\xed\xa0\x80"));
}

TEST(StringsTest, CleansPathsAsGoDoes) {
  const std::pair<const char*, const char*> cases[] = {{"", "."},
                                                       {"abc", "abc"},
                                                       {"abc/", "abc"},
                                                       {"/", "/"},
                                                       {"a//b///c", "a/b/c"},
                                                       {"./a/./b/.", "a/b"},
                                                       {"a/../b", "b"},
                                                       {"a/b/../..", "."},
                                                       {"../a", "../a"},
                                                       {"../../a", "../../a"},
                                                       {"a/../../b", "../b"},
                                                       {"/..", "/"},
                                                       {"/../a", "/a"},
                                                       {"/a/../../b/", "/b"}};
  for (const auto& [path, clean] : cases) {
    EXPECT_EQ(clean, CleanPath(path)) << path;
  }
}

}  // namespace
}  // namespace strake
