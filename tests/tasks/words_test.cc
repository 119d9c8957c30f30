#include "tasks/run/words.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::tasks::run {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(WordsTest, SplitsAsAShellDoes) {
  EXPECT_THAT(*PlainWords("echo a  b\tc"), ElementsAre("echo", "a", "b", "c"));
  EXPECT_THAT(*PlainWords("a 'b $c' d"), ElementsAre("a", "b $c", "d"));
  EXPECT_THAT(*PlainWords(R"(--x="a b"'c'd)"), ElementsAre("--x=a bcd"));
  EXPECT_THAT(*PlainWords(R"("a \"q\" \x")"), ElementsAre(R"(a "q" \x)"));
  EXPECT_THAT(*PlainWords(R"(a\ b \$c)"), ElementsAre("a b", "$c"));
  EXPECT_THAT(*PlainWords("a '' \"\""), ElementsAre("a", "", ""));
  EXPECT_THAT(*PlainWords("a \\\n b"), ElementsAre("a", "b"));
  EXPECT_THAT(*PlainWords("a#b c~d x{1,2} k=v"),
              ElementsAre("a#b", "c~d", "x{1,2}", "k=v"));
  EXPECT_THAT(*PlainWords("  \n"), IsEmpty());
}

class NeedsShellTest : public testing::TestWithParam<const char*> {};

TEST_P(NeedsShellTest, IsLeftToAShell) {
  EXPECT_FALSE(PlainWords(GetParam())) << GetParam();
}

INSTANTIATE_TEST_SUITE_P(Table, NeedsShellTest,
                         testing::Values("echo $HOME", "echo \"$HOME\"",
                                         "a | b", "a && b", "a > b", "a `b`",
                                         "a $(b)", "ls *.c", "ls ?", "ls [a]",
                                         "a\nb", "a; b", "a # b", "~/x", "(a)",
                                         "'open", "\"open", "a\\"));

TEST(WordsTest, QuotedWordsAreReadAsThemselves) {
  for (const std::string word : {"a b", "it's", "$x", "", "a\nb"}) {
    EXPECT_THAT(*PlainWords("x " + ShellQuote(word)), ElementsAre("x", word));
  }
}

}  // namespace
}  // namespace strake::tasks::run
