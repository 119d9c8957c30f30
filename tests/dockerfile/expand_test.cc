#include "dockerfile/expand.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "util/byte_stream.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// The tables of testdata/expand; their syntax stands at the top of forms.txt.
class ExpandTable {
 public:
  using Expand = std::string (*)(const std::string& input,
                                 const VariableLookup& lookup, char escape);

  void Run(const std::string& name, Expand expand) {
    auto text = ReadFile(STRAKE_SOURCE_DIR "/tests/testdata/expand/" + name);
    ASSERT_TRUE(text) << text.error().message();
    int number = 0;
    for (std::string_view line : Split(*text, '\n')) {
      SCOPED_TRACE(name + ":" + std::to_string(++number) + ": " +
                   std::string(line));
      if (line.empty() || line.substr(0, 2) == "# ") continue;
      if (TakeSetting(line)) continue;
      size_t arrow = line.find(" =>");
      ASSERT_NE(arrow, std::string_view::npos);
      std::string_view expected = line.substr(arrow + 3);
      if (!expected.empty()) expected.remove_prefix(1);
      EXPECT_EQ(expand(std::string(line.substr(0, arrow)), Lookup(), escape_),
                expected);
      ++rows_;
    }
  }
  int rows() const { return rows_; }

 private:
  bool TakeSetting(std::string_view line) {
    if (line.substr(0, 7) == "escape ") {
      escape_ = line[7];
      return true;
    }
    if (line.substr(0, 4) != "set ") return false;
    line.remove_prefix(4);
    auto pair = SplitOnce(line, ' ');
    values_[std::string(pair ? pair->first : line)] =
        pair ? pair->second : std::string_view();
    return true;
  }
  VariableLookup Lookup() const {
    return [this](std::string_view name) -> std::optional<std::string> {
      auto value = values_.find(name);
      if (value == values_.end()) return {};
      return value->second;
    };
  }

  std::map<std::string, std::string, std::less<>> values_;
  char escape_ = '\\';
  int rows_ = 0;
};

TEST(ExpandWordTest, FollowsTheTable) {
  ExpandTable table;
  table.Run("forms.txt", [](const std::string& input,
                            const VariableLookup& lookup, char escape) {
    auto result = ExpandWord(input, lookup, escape);
    return result ? result->text : "!" + result.error().message();
  });
  EXPECT_GT(table.rows(), 180);
}

TEST(ExpandWordsTest, FollowsTheTable) {
  ExpandTable table;
  table.Run("words.txt", [](const std::string& input,
                            const VariableLookup& lookup, char escape) {
    auto result = ExpandWords(input, lookup, escape);
    if (!result) return "!" + result.error().message();
    std::string out;
    for (const std::string& word : result->words) out += "[" + word + "]";
    return out;
  });
  EXPECT_GT(table.rows(), 18);
}

TEST(ExpandHeredocTest, FollowsTheTable) {
  ExpandTable table;
  table.Run("heredoc.txt",
            [](const std::string& input, const VariableLookup& lookup, char) {
              auto result = ExpandHeredoc(input, lookup);
              return result ? result->text : "!" + result.error().message();
            });
  EXPECT_GT(table.rows(), 10);
}

TEST(ExpandHeredocTest, KeepsLinesAndBlanks) {
  auto result = ExpandHeredoc(
      "a\n\tb $X\n\\\nc\n",
      [](std::string_view) -> std::optional<std::string> { return "1"; });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->text, "a\n\tb 1\n\nc\n");
}

std::optional<std::string> OnlyFoo(std::string_view name) {
  if (name == "FOO") return "foo";
  return {};
}

TEST(ExpandWordTest, NamesWhatMatchedAndWhatDidNotOnce) {
  auto result = ExpandWord("$FOO $BAR ${FOO} \"$BAR\" ${BAZ:-x}", OnlyFoo);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->matched, ElementsAre("FOO"));
  EXPECT_THAT(result->unmatched, ElementsAre("BAR", "BAZ"));
}

TEST(ExpandWordTest, LooksUpNestedNames) {
  auto result = ExpandWord("${FOO:-$BAR}", OnlyFoo);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->text, "foo");
  EXPECT_THAT(result->matched, ElementsAre("FOO"));
  EXPECT_THAT(result->unmatched, ElementsAre("BAR"));
}

TEST(ExpandWordTest, LooksUpNothingInSingleQuotes) {
  auto result = ExpandWord("'$FOO'\\$BAR", OnlyFoo);
  ASSERT_TRUE(result);
  EXPECT_THAT(result->matched, IsEmpty());
  EXPECT_THAT(result->unmatched, IsEmpty());
}

TEST(ExpandWordTest, ValuesAreNotExpandedAgain) {
  auto result =
      ExpandWord("$A", [](std::string_view name) -> std::optional<std::string> {
        return name == "A" ? "$B 'q' \\x" : "no";
      });
  ASSERT_TRUE(result);
  EXPECT_EQ(result->text, "$B 'q' \\x");
}

TEST(ExpandWordTest, TakesBytesThatAreNotUtf8) {
  auto value = [](std::string_view) -> std::optional<std::string> {
    return "\xff\xfe.x";
  };
  EXPECT_EQ(ExpandWord("\xff$A", value)->text, "\xff\xff\xfe.x");
  EXPECT_EQ(ExpandWord("${A%.x}", value)->text, "\xff\xfe");
  EXPECT_EQ(ExpandWord("${A#?}", value)->text, "\xfe.x");
}

TEST(ExpandWordTest, WorksWithoutALookup) {
  EXPECT_EQ(ExpandWord("a${B}c", {})->text, "ac");
}

TEST(ExpandWordTest, RefusesEndlessNesting) {
  std::string word;
  for (int i = 0; i < 10000; ++i) word += "${A:-";
  auto result = ExpandWord(word, {});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), ErrorCode::kInvalidArgument);
}

TEST(ExpandWordTest, RefusesPatternsBeyondReason) {
  auto value = [](std::string_view) -> std::optional<std::string> {
    return "x";
  };
  std::string pattern(200000, '?');
  // Either answer will do; it must come soon and in one piece.
  auto result = ExpandWord("${A#" + pattern + "}", value);
  EXPECT_EQ(result ? result->text : "x", "x");
}

TEST(ExpandTest, NestedReplacementsDoNotFillTheMemory) {
  auto lookup = [](std::string_view) -> std::optional<std::string> {
    return std::string(100, 'a');
  };
  std::string word = "b";
  for (int i = 0; i < 20; ++i) word = "${V//a/" + word + "}";
  auto expanded = ExpandWord(word, lookup);
  ASSERT_FALSE(expanded);
  EXPECT_THAT(expanded.error().message(),
              ::testing::HasSubstr("more than 1 MiB"));
}

}  // namespace
}  // namespace strake::dockerfile
