#include "dockerfile/heredoc.h"

#include <gtest/gtest.h>

#include <string>

namespace strake::dockerfile {
namespace {

std::string Describe(std::string_view word) {
  auto heredoc = ParseHeredocWord(word);
  if (!heredoc) return "error";
  if (!*heredoc) return "none";
  std::string out = (*heredoc)->name;
  if ((*heredoc)->chomp) out += " chomp";
  if (!(*heredoc)->expand) out += " literal";
  if ((*heredoc)->file_descriptor != 0) {
    out += " fd" + std::to_string((*heredoc)->file_descriptor);
  }
  return out;
}

TEST(ParseHeredocWordTest, TakesAllForms) {
  EXPECT_EQ(Describe("<<EOF"), "EOF");
  EXPECT_EQ(Describe("<<-EOF"), "EOF chomp");
  EXPECT_EQ(Describe("<<'EOF'"), "EOF literal");
  EXPECT_EQ(Describe("<<\"EOF\""), "EOF literal");
  EXPECT_EQ(Describe("<<E\"O\"F"), "EOF literal");
  EXPECT_EQ(Describe("<<-'E F'"), "E F chomp literal");
  EXPECT_EQ(Describe("3<<EOF"), "EOF fd3");
  EXPECT_EQ(Describe("<< EOF"), "EOF");
  EXPECT_EQ(Describe("<<- \tEOF"), "EOF chomp");
  EXPECT_EQ(Describe("<<\\EOF"), "EOF");
  EXPECT_EQ(Describe("<<a.txt"), "a.txt");
  EXPECT_EQ(Describe("<<$EOF"), "$EOF");
  EXPECT_EQ(Describe("<<${EOF:-x}"), "${EOF:-x}");
  EXPECT_EQ(Describe("<<--EOF"), "-EOF chomp");
  EXPECT_EQ(Describe("<<E\\'F"), "E'F");
}

TEST(ParseHeredocWordTest, RefusesOtherWords) {
  for (const char* word : {"", "EOF", "<EOF", "<<", "<<-", "<< ", "<<<EOF",
                           "<<EOF<x", "x<<EOF", "'<<EOF'", "<<a b", "<<''"}) {
    EXPECT_EQ(Describe(word), "none") << word;
  }
}

TEST(ParseHeredocWordTest, FailsOnUnterminatedQuotes) {
  EXPECT_EQ(Describe("<<'EOF"), "error");
  EXPECT_EQ(Describe("<<E\"OF"), "error");
}

TEST(FindHeredocsTest, FindsThemInOrder) {
  auto found = FindHeredocs("RUN cat <<A 3<<-'B' | x << C");
  ASSERT_TRUE(found);
  ASSERT_EQ(found->size(), 3u);
  EXPECT_EQ((*found)[0].name, "A");
  EXPECT_EQ((*found)[1].name, "B");
  EXPECT_EQ((*found)[2].name, "C");
}

TEST(FindHeredocsTest, FindsNoneWhereQuotesDoNotMatch) {
  EXPECT_TRUE(FindHeredocs("RUN it's <<A")->empty());
  EXPECT_TRUE(FindHeredocs("RUN a < < b")->empty());
}

TEST(ReadHeredocBodyTest, KnowsWhereItStood) {
  Lexer lexer("RUN <<E\na\nb\nE\nX\n", '\\');
  lexer.Next();
  auto body = ReadHeredocBody((*FindHeredocs("<<E"))[0], lexer);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->doc.content, "a\nb\n");
  EXPECT_EQ(body->doc.range.start_line, 2);
  EXPECT_EQ(body->doc.range.end_line, 4);
  EXPECT_EQ(body->doc.range.end_column, 2);
  EXPECT_EQ(lexer.Next()->text(), "X");
}

TEST(ChompLeadingTabsTest, RemovesTabsOfEveryLine) {
  EXPECT_EQ(ChompLeadingTabs("\t\ta\n\t b\tc\n\n\t"), "a\n b\tc\n\n");
  EXPECT_EQ(ChompLeadingTabs(""), "");
}

}  // namespace
}  // namespace strake::dockerfile
