#include "dockerfile/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dockerfile/csv.h"
#include "dockerfile/flags.h"
#include "dockerfile/go_duration.h"
#include "dockerfile/json_array.h"
#include "dockerfile/unicode.h"

namespace strake::dockerfile {
namespace {

using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(SplitAtBlanksTest, KnowsWhereWordsStand) {
  EXPECT_THAT(SplitAtBlanks(" ab\t c"),
              ElementsAre(Word{"ab", 1, 3}, Word{"c", 5, 6}));
  EXPECT_THAT(SplitAtBlanks("   "), IsEmpty());
  EXPECT_THAT(SplitAtBlanks(""), IsEmpty());
}

TEST(SplitQuotedTest, KeepsQuotesAndKnowsWhereWordsStand) {
  EXPECT_THAT(SplitQuoted("a='b c' \"d\\\"e\" f\\ g", '\\'),
              ElementsAre(Word{"a='b c'", 0, 7}, Word{"\"d\\\"e\"", 8, 14},
                          Word{"f\\ g", 15, 19}));
}

TEST(SplitQuotedTest, DropsALoneEscapeAtTheEnd) {
  EXPECT_THAT(SplitQuoted("a b\\", '\\'),
              ElementsAre(Word{"a", 0, 1}, Word{"b", 2, 4}));
  EXPECT_THAT(SplitQuoted("a \\", '\\'), ElementsAre(Word{"a", 0, 1}));
}

TEST(SplitQuotedTest, UsesTheGivenEscape) {
  EXPECT_THAT(
      SplitQuoted("a` b c\\ d", '`'),
      ElementsAre(Word{"a` b", 0, 4}, Word{"c\\", 5, 7}, Word{"d", 8, 9}));
}

TEST(SplitFirstTest, TellsNoRestFromAnEmptyOne) {
  EXPECT_FALSE(SplitFirst("a").rest);
  EXPECT_EQ(SplitFirst("a ").rest, "");
  EXPECT_EQ(SplitFirst("a  b c").rest, "b c");
}

TEST(JsonWordsTest, TellsKindsApart) {
  using Kind = JsonWords::Kind;
  EXPECT_EQ(ParseJsonWords("a").kind, Kind::kNone);
  EXPECT_EQ(ParseJsonWords("").kind, Kind::kNone);
  EXPECT_EQ(ParseJsonWords("[").kind, Kind::kNone);
  EXPECT_EQ(ParseJsonWords(" [ ] ").kind, Kind::kStrings);
  EXPECT_EQ(ParseJsonWords("[\"a\" , \"b\"]").kind, Kind::kStrings);
  EXPECT_EQ(ParseJsonWords("[1]").kind, Kind::kNotStrings);
  EXPECT_EQ(ParseJsonWords("{}").kind, Kind::kNone);
}

TEST(JsonArrayTest, ReadsEscapes) {
  auto elements =
      ParseJsonArray("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u20ac\"]");
  ASSERT_TRUE(elements);
  EXPECT_EQ((*elements)[0], "\"\\/\b\f\n\r\tA\xE2\x82\xAC");
}

TEST(JsonArrayTest, ReplacesWhatIsNotUtf8) {
  auto elements = ParseJsonArray("[\"a\xff\"]");
  ASSERT_TRUE(elements);
  EXPECT_EQ((*elements)[0], "a\xEF\xBF\xBD");
}

TEST(JsonArrayTest, RefusesWhatIsNotJson) {
  for (const char* text :
       {"[\"a\\x\"]", "[\"\\u12\"]", "[\"\\u12g4\"]", "[\"a",
        "[\"a\\",     "[,]",         "[\"a\"\"b\"]",  "[nul]",
        "[-]",        "[1e]",        "[+1]",          "[.5]",
        "[00]",       "[{\"a\"}]",   "[{\"a\":}]",    "[{a:1}]",
        "[[}]",       "[{]",         "[\"a\"]]",      ""}) {
    EXPECT_FALSE(ParseJsonArray(text)) << text;
  }
}

TEST(JsonArrayTest, SurvivesDeepNesting) {
  std::string deep(50000, '[');
  EXPECT_FALSE(ParseJsonArray(deep));
  std::string closed = std::string(5000, '[') + std::string(5000, ']');
  EXPECT_TRUE(ParseJsonArray(closed));
}

TEST(SplitCsvTest, SplitsAndUnquotes) {
  EXPECT_THAT(*SplitCsv("a,b"), ElementsAre("a", "b"));
  EXPECT_THAT(*SplitCsv("a,"), ElementsAre("a", ""));
  EXPECT_THAT(*SplitCsv(""), ElementsAre(""));
}

TEST(GoDurationTest, ReadsGoDurations) {
  EXPECT_EQ(*ParseGoDuration("0"), nanoseconds(0));
  EXPECT_EQ(*ParseGoDuration("1h2m3s4ms5us6ns"), nanoseconds(3723004005006));
  EXPECT_EQ(*ParseGoDuration("1.5s"), nanoseconds(1500000000));
  EXPECT_EQ(*ParseGoDuration(".5m"), nanoseconds(30000000000));
  EXPECT_EQ(*ParseGoDuration("1.s"), nanoseconds(1000000000));
  EXPECT_EQ(*ParseGoDuration("-1s"), nanoseconds(-1000000000));
  EXPECT_EQ(*ParseGoDuration("+1s"), nanoseconds(1000000000));
  EXPECT_EQ(*ParseGoDuration("1\xC2\xB5s"), nanoseconds(1000));
  EXPECT_EQ(*ParseGoDuration("0.3333333333333333333h"),
            nanoseconds(1199999999999));
  EXPECT_EQ(*ParseGoDuration("9223372036854775807ns"),
            nanoseconds(9223372036854775807));
  EXPECT_EQ(*ParseGoDuration("-9223372036854775808ns"), nanoseconds(INT64_MIN));
}

TEST(GoDurationTest, RefusesOthersInGosWords) {
  auto message = [](const char* text) {
    auto duration = ParseGoDuration(text);
    return duration ? "accepted" : duration.error().message();
  };
  EXPECT_EQ(message(""), "time: invalid duration \"\"");
  EXPECT_EQ(message("-"), "time: invalid duration \"-\"");
  EXPECT_EQ(message("."), "time: invalid duration \".\"");
  EXPECT_EQ(message("1"), "time: missing unit in duration \"1\"");
  EXPECT_EQ(message("1d"), "time: unknown unit \"d\" in duration \"1d\"");
  EXPECT_EQ(message("1S"), "time: unknown unit \"S\" in duration \"1S\"");
  EXPECT_EQ(message("s"), "time: invalid duration \"s\"");
  EXPECT_EQ(message("1 s"), "time: unknown unit \" s\" in duration \"1 s\"");
  EXPECT_EQ(message("9223372036854775808ns"),
            "time: invalid duration \"9223372036854775808ns\"");
  EXPECT_EQ(message("99999999h"), "time: invalid duration \"99999999h\"");
}

TEST(UnicodeTest, KnowsBlanks) {
  EXPECT_EQ(BlankLength("\xC2\xA0x", 0), 2u);     // no-break space
  EXPECT_EQ(BlankLength("\xE3\x80\x80", 0), 3u);  // ideographic space
  EXPECT_EQ(BlankLength("\xE2\x80\x8B", 0), 0u);  // zero width space
  EXPECT_EQ(BlankLength("\xA0", 0), 0u);          // not UTF-8
  EXPECT_EQ(TrimBlanks(" \xC2\xA0 a b\xE3\x80\x80\t"), "a b");
  EXPECT_EQ(TrimBlanks(" \xC2\xA0 "), "");
  EXPECT_EQ(TrimBlanks("\x80"), "\x80");
}

TEST(UnicodeTest, KnowsLettersAndDigits) {
  EXPECT_EQ(LetterLength("a", 0), 1u);
  EXPECT_EQ(LetterLength("1", 0), 0u);
  EXPECT_EQ(LetterLength("\xED\x95\x9C", 0), 3u);
  EXPECT_EQ(DigitLength("\xD9\xA1", 0), 2u);  // Arabic-Indic one
  EXPECT_EQ(LetterLength("\xff", 0), 0u);
  EXPECT_EQ(LetterLength("", 0), 0u);
}

TEST(UnicodeTest, TakesBadBytesOneByOne) {
  EXPECT_EQ(CharLength("\xC2", 0), 1u);
  EXPECT_EQ(CharLength("\xE0\x80\x80", 0), 1u);  // overlong
  EXPECT_EQ(CharLength("\xED\xA0\x80", 0), 1u);  // surrogate
  EXPECT_EQ(CharLength("\xF4\x90\x80\x80", 0), 1u);
  EXPECT_EQ(CharLength("\xF0\x9F\x98\x80", 0), 4u);
}

TEST(SplitFlagsTest, KnowsWhereFlagsStand) {
  SplitFlagsResult result = SplitFlags("  --a=b --\"c d\"=e f");
  ASSERT_EQ(result.flags.size(), 2u);
  EXPECT_EQ(result.flags[0].text, "--a=b");
  EXPECT_EQ(result.flags[0].begin, 2u);
  EXPECT_EQ(result.flags[0].end, 7u);
  EXPECT_EQ(result.flags[1].text, "--c d=e");
  EXPECT_EQ(result.flags[1].end, 17u);
  EXPECT_EQ(result.rest, 18u);
}

TEST(SplitFlagsTest, KeepsNonAsciiValues) {
  SplitFlagsResult result = SplitFlags("--chown=m\xC3\xBCller\xC3\xA0:x y");
  ASSERT_EQ(result.flags.size(), 1u);
  EXPECT_EQ(result.flags[0].text, "--chown=m\xC3\xBCller\xC3\xA0:x");
}

}  // namespace
}  // namespace strake::dockerfile
