#include "tasks/file/mapped_text.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::tasks::file {
namespace {

TEST(MappedTextTest, LinesOfCommentsAreGoneWhereverTheyStand) {
  MappedText text = WithoutCommentLines(
      "# a\nsteps:\n  # b\n  - cmd: |\n      #!/bin/sh\n      true # c\n\t#\n");
  EXPECT_EQ(text.text, "steps:\n  - cmd: |\n      true # c\n");
  EXPECT_EQ(text.lines, (std::vector<int>{2, 4, 6, 8}));
}

TEST(MappedTextTest, AByteOrderMarkIsNoText) {
  EXPECT_EQ(WithoutCommentLines("\xEF\xBB\xBFversion: v1.1.0").text,
            "version: v1.1.0");
}

TEST(MappedTextTest, AFileOfCommentsIsEmpty) {
  EXPECT_EQ(WithoutCommentLines("# a\n# b").text, "");
}

struct Version {
  std::string text;
  std::string found;
};

class FindVersionTest : public ::testing::TestWithParam<Version> {};

TEST_P(FindVersionTest, Finds) {
  EXPECT_EQ(FindVersion(GetParam().text), GetParam().found) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Table, FindVersionTest,
    ::testing::Values(
        Version{"", ""}, Version{"\n\n", ""}, Version{"steps:\n", ""},
        Version{"version: v1.0.0", "v1.0.0"},
        Version{"version: v1.1.0\nsteps:\n", "v1.1.0"},
        Version{"version:v1.1.0", "v1.1.0"},
        Version{"version:    v1.1.0   ", "v1.1.0"},
        Version{"version:\tv1.1.0\t", "v1.1.0"},
        Version{"version : v1.1.0", "v1.1.0"},
        Version{"version   :v1.1.0", "v1.1.0"},
        Version{"version: 'v1.1.0'", "v1.1.0"},
        Version{"version: \"v1.1.0\"", "v1.1.0"},
        Version{"version: ' v1.1.0 '", "v1.1.0"},
        Version{"'version': v1.1.0", "v1.1.0"},
        Version{"\"version\": v1.1.0", "v1.1.0"},
        Version{"\"version\": \"v1.1.0\"", "v1.1.0"},
        Version{"'version' : 'v1.1.0'", "v1.1.0"},
        Version{"version: v1.1.0\r\nsteps:\r\n", "v1.1.0"},
        Version{"version: v1.1.0 # the one with aliases", "v1.1.0"},
        Version{"version: V1.1.0", "V1.1.0"},
        Version{"version: 1.0-preview-1", "1.0-preview-1"},
        Version{"version: strake/v1", "strake/v1"}, Version{"version:", ""},
        Version{"version v1.1.0", ""}, Version{"  version: v1.1.0", ""},
        Version{"steps:\n  version: v1.1.0", ""},
        Version{"versions: v1.1.0", ""},
        Version{"steps: []\nversion: v1.1.0\n", "v1.1.0"},
        Version{"version: v1.0.0\nversion: v1.1.0\n", "v1.0.0"},
        Version{"Version: v1.1.0", ""}, Version{"version: a:b", "a:b"}));

class LocatorTest : public ::testing::Test {
 protected:
  // Where what stands at `column` of `now` is in the line `was`.
  static int Column(const std::string& was, const std::string& now,
                    int column) {
    MappedText text{now, {1}};
    Locator locator(was, text);
    return locator.Locate(1, column).column;
  }
};

TEST_F(LocatorTest, ALineOfTheAuthorIsExact) {
  EXPECT_EQ(Column("cmd: a", "cmd: a", 6), 6);
}

TEST_F(LocatorTest, BeforeATemplateIsExact) {
  EXPECT_EQ(Column("cmd: {{.X}} b", "cmd: something b", 6), 6);
}

TEST_F(LocatorTest, BehindATemplateIsExact) {
  EXPECT_EQ(Column("[{{.X}}, b]", "[something, b]", 13), 10);
}

TEST_F(LocatorTest, WithinWhatATemplateGaveIsItsBeginning) {
  EXPECT_EQ(Column("a: {{.X}}", "a: [1, [", 8), 4);
}

TEST_F(LocatorTest, LinesOfTheFileAreFound) {
  std::string file = "# one\na: 1\n# three\nb: 2\n";
  MappedText text = WithoutCommentLines(file);
  Place place = Locator(file, text).Locate(2, 4);
  EXPECT_EQ(place.line, 4);
  EXPECT_EQ(place.column, 4);
}

}  // namespace
}  // namespace strake::tasks::file
