#include "dockerfile/parser.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dockerfile/print.h"

namespace strake::dockerfile {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const Instruction& Only(const ParseResult& result) {
  return result.dockerfile.stages.at(0).instructions.at(0);
}

TEST(ParserTest, KnowsWhereWordsStand) {
  ParseResult result =
      Parse("FROM --platform=p base AS name\nCOPY --from=x \\\n   a b\n");
  ASSERT_THAT(result.diagnostics, IsEmpty());
  const From& from = result.dockerfile.stages[0].base();
  EXPECT_EQ(from.base.range.start_column, 19);
  EXPECT_EQ(from.base.range.end_column, 23);
  EXPECT_EQ(from.name->range.start_column, 27);
  EXPECT_EQ(from.platform->range.start_column, 6);
  const Copy* copy = Only(result).As<Copy>();
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(copy->from->range.start_line, 2);
  EXPECT_EQ(copy->sources[0].range.start_line, 3);
  EXPECT_EQ(copy->sources[0].range.start_column, 4);
  EXPECT_EQ(copy->destination.range.start_column, 6);
}

TEST(ParserTest, AnInstructionEndsBehindItsHeredocs) {
  ParseResult result = Parse("FROM x\n  RUN <<A\n1\nA\nRUN b\n");
  ASSERT_THAT(result.diagnostics, IsEmpty());
  EXPECT_EQ(Only(result).range.start_line, 2);
  EXPECT_EQ(Only(result).range.start_column, 3);
  EXPECT_EQ(Only(result).range.end_line, 4);
  EXPECT_EQ(result.dockerfile.stages[0].range.end_line, 5);
}

TEST(ParserTest, KeepsTheJoinedText) {
  ParseResult result = Parse("FROM x\n RuN  a \\\n  b \n");
  EXPECT_EQ(Only(result).text, "RuN  a   b ");
  EXPECT_EQ(Only(result).keyword, "RuN");
}

TEST(ParserTest, AGivenSyntaxReplacesTheDirective) {
  std::string other = "# syntax=example.com/x\nFROM scratch\n";
  EXPECT_TRUE(HasErrors(Parse(other).diagnostics));
  EXPECT_FALSE(
      HasErrors(Parse(other, {.syntax = "dockerfile.v0"}).diagnostics));
  ParseResult refused = Parse("FROM scratch\n", {.syntax = "example.com/y"});
  ASSERT_THAT(refused.diagnostics, SizeIs(1));
  EXPECT_THAT(refused.diagnostics[0].message, HasSubstr("example.com/y"));
  EXPECT_THAT(refused.diagnostics[0].hint, HasSubstr("BUILDKIT_SYNTAX"));
}

TEST(ParserTest, RefusesOverlongLines) {
  std::string line = "RUN " + std::string(65531, 'x');
  EXPECT_THAT(Parse("FROM x\n" + line + "\n").diagnostics, IsEmpty());
  EXPECT_THAT(Parse("FROM x\n" + line).diagnostics, IsEmpty());
  ParseResult result = Parse("FROM x\n" + line + "x\nRUN y\n");
  EXPECT_EQ(Print(result.diagnostics),
            "error 2:1-2:65537: dockerfile line greater than max allowed size "
            "of 65535\n");
}

TEST(ParserTest, RefusesOverlongLinesOfHeredocs) {
  std::string text = "FROM x\nCOPY <<E /\n" + std::string(65536, 'x') + "\nE\n";
  EXPECT_THAT(Print(Parse(text).diagnostics), HasSubstr("error 3:1"));
}

TEST(ParserTest, ContinuedLinesMayBeLongerTogether) {
  std::string half(40000, 'x');
  ParseResult result = Parse("FROM x\nRUN " + half + "\\\n" + half + "\n");
  ASSERT_THAT(result.diagnostics, IsEmpty());
  EXPECT_EQ(Only(result).As<dockerfile::Run>()->command.shell, half + half);
}

TEST(ParserTest, EveryPrefixOfAFileIsRead) {
  std::string text =
      "# escape=`\n# check=skip=all\nARG A=\"1 2\"\nFROM --platform=$P a`\n"
      "  AS b\nRUN --mount=type=cache,target=/x <<-'E' cat\n\ta\n\tE\n"
      "COPY [\"a\", \"\\u00e9\"]\nENV a='b' c=\"d\"\nONBUILD ADD <<F /g\nh\nF\n"
      "HEALTHCHECK --interval=1m CMD x\n# check=skip=X\nEXPOSE 1-2/udp\n";
  for (size_t length = 0; length <= text.size(); ++length) {
    ParseResult result = Parse(text.substr(0, length));
    // Printing visits every value.
    EXPECT_FALSE(Print(result).empty()) << length;
  }
  EXPECT_FALSE(HasErrors(Parse(text).diagnostics));
}

TEST(ParserTest, TakesBytesThatAreNotUtf8) {
  ParseResult result = Parse("FROM \xff\nRUN \xc3\x28\nENV \xfe=\xff\n");
  EXPECT_FALSE(HasErrors(result.diagnostics));
  EXPECT_EQ(result.dockerfile.stages[0].base().base.text, "\xff");
}

TEST(FindStageTest, FindsTheLastOfANameBefore) {
  Dockerfile file =
      Parse("FROM x AS a\nFROM x AS b\nFROM x AS A\nFROM x\n").dockerfile;
  EXPECT_EQ(file.FindStage("a", 4), 2u);
  EXPECT_EQ(file.FindStage("A", 2), 0u);
  EXPECT_EQ(file.FindStage("b", 1), std::nullopt);
  EXPECT_EQ(file.FindStage("b", 99), 1u);
  EXPECT_EQ(file.FindStage("", 4), std::nullopt);
}

TEST(FindTargetTest, TakesNamesIndexesAndNothing) {
  Dockerfile file = Parse("FROM x AS a\nFROM x AS b\n").dockerfile;
  EXPECT_EQ(file.FindTarget(""), 1u);
  EXPECT_EQ(file.FindTarget("A"), 0u);
  EXPECT_EQ(file.FindTarget("0"), 0u);
  EXPECT_EQ(file.FindTarget("2"), std::nullopt);
  EXPECT_EQ(file.FindTarget("c"), std::nullopt);
  EXPECT_EQ(Dockerfile().FindTarget(""), std::nullopt);
}

TEST(ParseTriggerTest, ParsesOneInstruction) {
  auto run = ParseTrigger("RUN echo $A");
  ASSERT_TRUE(run) << run.error().message();
  EXPECT_EQ(run->As<dockerfile::Run>()->script, "echo $A");
}

TEST(ParseTriggerTest, ParsesHeredocBodies) {
  auto copy = ParseTrigger("COPY <<A /x\nbody\nA");
  ASSERT_TRUE(copy) << copy.error().message();
  EXPECT_EQ(copy->As<Copy>()->heredocs[0].content, "body\n");
}

TEST(ParseTriggerTest, UndoesWhatOnbuildKeeps) {
  ParseResult result =
      Parse("FROM x\nONBUILD RUN cat \\\n  <<-A <<'B'\n\t1\n\tA\n2\nB\n");
  ASSERT_THAT(result.diagnostics, IsEmpty());
  auto run = ParseTrigger(Only(result).As<Onbuild>()->trigger);
  ASSERT_TRUE(run) << run.error().message();
  EXPECT_EQ(run->As<dockerfile::Run>()->script,
            "cat   <<-A <<'B'\n\t1\nA\n2\nB");
}

TEST(ParseTriggerTest, UsesTheGivenEscape) {
  EXPECT_EQ(ParseTrigger("RUN a `\n b", '`')->As<dockerfile::Run>()->script,
            "a  b");
}

TEST(ParseTriggerTest, RefusesOthers) {
  for (const char* text : {"", "# x", "FROM x", "ONBUILD RUN x", "MAINTAINER x",
                           "RUN a\nRUN b", "RUNN a", "COPY a", "RUN <<A\nx"}) {
    auto trigger = ParseTrigger(text);
    ASSERT_FALSE(trigger) << text;
    EXPECT_EQ(trigger.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(trigger.error().message(), HasSubstr("ONBUILD trigger"));
  }
}

TEST(InstructionNameTest, NamesEveryInstruction) {
  EXPECT_EQ(InstructionName(From()), "FROM");
  EXPECT_EQ(InstructionName(dockerfile::Run()), "RUN");
  EXPECT_EQ(InstructionName(Copy()), "COPY");
  EXPECT_EQ(InstructionName(Add()), "ADD");
  EXPECT_EQ(InstructionName(Env()), "ENV");
  EXPECT_EQ(InstructionName(Arg()), "ARG");
  EXPECT_EQ(InstructionName(Workdir()), "WORKDIR");
  EXPECT_EQ(InstructionName(User()), "USER");
  EXPECT_EQ(InstructionName(Expose()), "EXPOSE");
  EXPECT_EQ(InstructionName(Volume()), "VOLUME");
  EXPECT_EQ(InstructionName(Cmd()), "CMD");
  EXPECT_EQ(InstructionName(Entrypoint()), "ENTRYPOINT");
  EXPECT_EQ(InstructionName(Label()), "LABEL");
  EXPECT_EQ(InstructionName(Healthcheck()), "HEALTHCHECK");
  EXPECT_EQ(InstructionName(Shell()), "SHELL");
  EXPECT_EQ(InstructionName(Stopsignal()), "STOPSIGNAL");
  EXPECT_EQ(InstructionName(Onbuild()), "ONBUILD");
  EXPECT_EQ(InstructionName(Maintainer()), "MAINTAINER");
}

}  // namespace
}  // namespace strake::dockerfile
