#include "dockerfile/directives.h"

#include <gtest/gtest.h>

namespace strake::dockerfile {
namespace {

TEST(DirectivesTest, ReadsAllThree) {
  auto result = ParseDirectives(
      "# syntax = docker/dockerfile:1 \n#check=skip=all\n# escape=`\nFROM x\n");
  EXPECT_EQ(result.directives.syntax.text, "docker/dockerfile:1");
  EXPECT_EQ(result.directives.check.text, "skip=all");
  EXPECT_EQ(result.directives.escape, '`');
  EXPECT_EQ(result.lines, 3);
  EXPECT_TRUE(result.diagnostics.empty());
}

TEST(DirectivesTest, KnowsWhereValuesStand) {
  auto result = ParseDirectives("#  check = skip=all  \n");
  EXPECT_EQ(result.directives.check.range.start_line, 1);
  EXPECT_EQ(result.directives.check.range.start_column, 12);
  EXPECT_EQ(result.directives.check.range.end_column, 20);
}

TEST(DirectivesTest, DefaultsWithoutAny) {
  auto result = ParseDirectives("FROM scratch\n");
  EXPECT_EQ(result.directives.escape, '\\');
  EXPECT_EQ(result.lines, 0);
}

TEST(DirectivesTest, AShebangHidesEscapeOnly) {
  auto result =
      ParseDirectives("#!/bin/x\n# syntax=a\n# escape=`\n# check=skip=all\n");
  EXPECT_EQ(result.directives.escape, '\\');
  EXPECT_EQ(result.directives.syntax.text, "a");
  EXPECT_EQ(result.directives.check.text, "skip=all");
  EXPECT_EQ(result.lines, 0);
}

TEST(DirectivesTest, FindsSyntaxOfOtherLanguages) {
  EXPECT_EQ(ParseDirectives("// syntax=a/b\n").directives.syntax.text, "a/b");
  EXPECT_EQ(ParseDirectives("{\"syntax\": \"a/b\"}").directives.syntax.text,
            "a/b");
  EXPECT_EQ(ParseDirectives("{\"syntax\": 1}").directives.syntax.text, "");
  EXPECT_EQ(ParseDirectives("{\"syntax\": \"a\"").directives.syntax.text, "");
  EXPECT_EQ(ParseDirectives("{}").directives.syntax.text, "");
}

TEST(DirectivesTest, SlashesHoldNoChecks) {
  EXPECT_EQ(ParseDirectives("// check=skip=all\n").directives.check.text, "");
}

TEST(DirectiveLineTest, TellsDirectivesFromComments) {
  EXPECT_TRUE(ParseDirectiveLine("#a=b"));
  EXPECT_TRUE(ParseDirectiveLine("# a1 = b c "));
  EXPECT_FALSE(ParseDirectiveLine("# a b=c"));
  EXPECT_FALSE(ParseDirectiveLine("# 1a=b"));
  EXPECT_FALSE(ParseDirectiveLine("# a="));
  EXPECT_FALSE(ParseDirectiveLine("# a=  "));
  EXPECT_FALSE(ParseDirectiveLine("# =b"));
  EXPECT_FALSE(ParseDirectiveLine("#"));
  EXPECT_FALSE(ParseDirectiveLine("a=b"));
  EXPECT_FALSE(ParseDirectiveLine(""));
  EXPECT_EQ(ParseDirectiveLine("# aB=c=d ")->name, "ab");
  EXPECT_EQ(ParseDirectiveLine("# aB=c=d ")->value, "c=d");
}

TEST(IsKnownSyntaxTest, KnowsOfficialFrontends) {
  EXPECT_TRUE(IsKnownSyntax("docker/dockerfile"));
  EXPECT_TRUE(IsKnownSyntax("docker/dockerfile:1.7-labs"));
  EXPECT_TRUE(IsKnownSyntax("docker.io/docker/dockerfile:1"));
  EXPECT_TRUE(IsKnownSyntax("docker/dockerfile@sha256:abc"));
  EXPECT_TRUE(IsKnownSyntax("docker/dockerfile:1@sha256:abc"));
  EXPECT_TRUE(IsKnownSyntax("docker/dockerfile-upstream:master"));
  EXPECT_TRUE(IsKnownSyntax("docker/dockerfile:1 --debug"));
  EXPECT_TRUE(IsKnownSyntax("dockerfile.v0"));
}

TEST(IsKnownSyntaxTest, RefusesOthers) {
  EXPECT_FALSE(IsKnownSyntax(""));
  EXPECT_FALSE(IsKnownSyntax("dockerfile"));
  EXPECT_FALSE(IsKnownSyntax("docker/dockerfile2"));
  EXPECT_FALSE(IsKnownSyntax("docker/dockerfile-other"));
  EXPECT_FALSE(IsKnownSyntax("example.com/docker/dockerfile:1"));
  EXPECT_FALSE(IsKnownSyntax("gateway.v0"));
}

}  // namespace
}  // namespace strake::dockerfile
