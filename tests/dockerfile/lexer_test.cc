#include "dockerfile/lexer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace strake::dockerfile {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

SourceRange Range(int line, int column, int end_line, int end_column) {
  return {.start_line = line,
          .start_column = column,
          .end_line = end_line,
          .end_column = end_column};
}

TEST(LexerTest, JoinsContinuationsWithoutABlank) {
  Lexer lexer("  ab \\\n  cd\\\nef\ngh", '\\');
  EXPECT_EQ(lexer.Next()->text(), "ab   cdef");
  EXPECT_EQ(lexer.Next()->text(), "gh");
  EXPECT_FALSE(lexer.Next());
}

TEST(LexerTest, KnowsWhereTextStood) {
  Lexer lexer("\n  ab \\\n# x\n  cd\n", '\\');
  auto line = lexer.Next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->text(), "ab   cd");
  EXPECT_EQ(line->Range(0, 2), Range(2, 3, 2, 5));
  EXPECT_EQ(line->Range(5, 7), Range(4, 3, 4, 5));
  EXPECT_EQ(line->Range(0, 7), Range(2, 3, 4, 5));
  EXPECT_EQ(line->Range(7, 7), Range(4, 5, 4, 5));
  EXPECT_EQ(line->LastLineRange(), Range(4, 1, 4, 5));
}

TEST(LexerTest, ARangeEndsOnTheLineOfItsLastByte) {
  Lexer lexer("ab\\\ncd\n", '\\');
  auto line = lexer.Next();
  ASSERT_TRUE(line);
  EXPECT_EQ(line->Range(0, 2), Range(1, 1, 1, 3));
}

TEST(LexerTest, GivesCommentsToTheNextInstruction) {
  Lexer lexer("# a\n  #b  \nX\n# c\n\n# d\nY\n# e\n#\nZ\n", '\\');
  auto x = lexer.Next();
  ASSERT_THAT(x->comments(), SizeIs(2));
  EXPECT_EQ(x->comments()[0].text, "a");
  EXPECT_EQ(x->comments()[1].text, "b");
  EXPECT_EQ(x->comments()[1].range, Range(2, 3, 2, 7));
  auto y = lexer.Next();
  ASSERT_THAT(y->comments(), SizeIs(1));
  EXPECT_EQ(y->comments()[0].text, "d");
  EXPECT_THAT(lexer.Next()->comments(), SizeIs(0));
}

TEST(LexerTest, RemembersBlankLinesWithin) {
  Lexer lexer("a \\\n\n \t\n b\n", '\\');
  EXPECT_THAT(lexer.Next()->empty_lines(), ElementsAre(2, 3));
}

TEST(LexerTest, GoesBackToAMark) {
  Lexer lexer("a\nb\nc\n", '\\');
  lexer.Next();
  auto mark = lexer.Mark();
  EXPECT_EQ(lexer.Next()->text(), "b");
  lexer.Return(mark);
  auto line = lexer.NextPhysical();
  EXPECT_EQ(line->text, "b\n");
  EXPECT_EQ(line->number, 2);
}

TEST(LexerTest, CountsBytesOfALineWithoutItsEnd) {
  std::string fits(kMaxLineBytes, 'x');
  std::string limit = fits + "\n" + fits;
  Lexer at_limit(limit, '\\');
  while (at_limit.NextPhysical()) {
  }
  EXPECT_THAT(at_limit.overlong_lines(), SizeIs(0));

  std::string text = "a\n" + fits + "y\n" + fits + "z";
  Lexer two(text, '\\');
  while (two.NextPhysical()) {
  }
  ASSERT_THAT(two.overlong_lines(), SizeIs(2));
  EXPECT_EQ(two.overlong_lines()[0].start_line, 2);
  EXPECT_EQ(two.overlong_lines()[1].start_line, 3);
}

TEST(LexerTest, ReportsAnOverlongLineOnce) {
  std::string text = "a\n" + std::string(kMaxLineBytes + 1, 'x') + "\n";
  Lexer lexer(text, '\\');
  lexer.NextPhysical();
  auto mark = lexer.Mark();
  lexer.NextPhysical();
  lexer.Return(mark);
  lexer.NextPhysical();
  EXPECT_THAT(lexer.overlong_lines(), SizeIs(1));
}

TEST(LexerTest, OfNothingIsNothing) {
  EXPECT_FALSE(Lexer("", '\\').Next());
  EXPECT_FALSE(Lexer("\xEF\xBB\xBF", '\\').Next());
  EXPECT_FALSE(Lexer("\n\r\n \t", '\\').Next());
}

TEST(LexerTest, EveryPrefixOfAFileIsRead) {
  std::string text =
      "\xEF\xBB\xBF# escape=`\r\nFROM a \\\n\n # c\n b\nRUN <<E\nx\nE\n\\\n";
  for (size_t length = 0; length <= text.size(); ++length) {
    std::string prefix = text.substr(0, length);
    Lexer lexer(prefix, '\\');
    int instructions = 0;
    while (lexer.Next()) ++instructions;
    EXPECT_LE(instructions, 6);
  }
}

TEST(LexerTest, TrimsLineEndings) {
  EXPECT_EQ(TrimLineEnding("a\r\n"), "a");
  EXPECT_EQ(TrimLineEnding("a\r\r\n"), "a");
  EXPECT_EQ(TrimLineEnding("\n"), "");
  EXPECT_EQ(TrimLineEnding("a \n"), "a ");
  EXPECT_EQ(TrimLineEnding(""), "");
}

}  // namespace
}  // namespace strake::dockerfile
