#include "tasks/file/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::tasks::file {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// "error 2:5 message".
std::vector<std::string> Lint(const std::string& text) {
  TaskSource source;
  source.text = text;
  source.file = "f";
  std::vector<std::string> lines;
  for (const Problem& problem : LintTaskFile(source)) {
    lines.push_back(
        (problem.severity == Severity::kError ? "error " : "warning ") +
        std::to_string(problem.place.line) + ":" +
        std::to_string(problem.place.column) + " " + problem.message);
  }
  return lines;
}

TEST(LintTest, AGoodFileHasNoProblems) {
  EXPECT_THAT(Lint("version: v1.1.0\nsteps:\n  - cmd: busybox\n"), IsEmpty());
}

TEST(LintTest, UnknownKeysAreNamedWithWhatMayBeMeant) {
  EXPECT_THAT(
      Lint("step: 1\nsteps:\n  - {cmd: a, workingdirectory: b}\n"),
      ElementsAre("warning 1:1 unknown key \"step\" is ignored (did you mean "
                  "steps?)",
                  "warning 3:14 unknown key \"workingdirectory\" is ignored "
                  "(did you mean workingDirectory?)"));
}

TEST(LintTest, KeysThatStandTwiceAreNamed) {
  EXPECT_THAT(Lint("steps:\n  - cmd: a\n    cmd: b\n"),
              ElementsAre("warning 2:5 \"cmd\" stands here more than once: the "
                          "last one is taken"));
}

TEST(LintTest, WhatOnlyStrakeKnowsIsNamedUnderOtherVersions) {
  EXPECT_THAT(
      Lint("steps:\n  - {cmd: a, outputs: true, exitedWith: [1]}\n"),
      ElementsAre("warning 2:14 \"outputs\" is ignored: it means something "
                  "under \"version: strake/v1\" only",
                  "warning 2:29 \"exitedWith\" is ignored: it means something "
                  "under \"version: strake/v1\" only"));
  EXPECT_THAT(Lint("version: strake/v1\nsteps:\n"
                   "  - {cmd: a, outputs: true, exitedWith: [1]}\n"),
              IsEmpty());
}

TEST(LintTest, AliasesOfAnOlderVersionAreNamed) {
  EXPECT_THAT(Lint("version: v1.0.0\nalias: {values: {a: b}}\n"),
              ElementsAre("warning 2:1 \"alias\" is ignored: there are aliases "
                          "from \"version: v1.1.0\" on"));
}

TEST(LintTest, WhatAStepOfItsKindIgnoresIsNamed) {
  EXPECT_THAT(Lint("steps:\n  - push: [a]\n    retries: 2\n    timeout: 5\n"),
              ElementsAre("warning 3:5 \"retries\" is ignored: this is a push "
                          "step"));
  EXPECT_THAT(Lint("steps:\n  - {build: ., pull: true, cache: enabled}\n"
                   "  - {cmd: a, cache: enabled}\n"),
              ElementsAre("warning 2:16 \"pull\" is ignored: this is a build "
                          "step",
                          "warning 3:14 \"cache\" is ignored: this is a cmd "
                          "step"));
}

TEST(LintTest, KeysForAnchorsMayHaveAnyName) {
  EXPECT_THAT(Lint("x-common: &c {retries: 2}\n"
                   "steps:\n  - {<<: *c, cmd: a}\n"),
              IsEmpty());
}

TEST(LintTest, AFileThatIsNotBase64IsNamed) {
  EXPECT_THAT(
      Lint("volumes:\n  - {name: v, secret: {a: eA==, b: 'no!'}}\n"),
      ElementsAre("warning 2:5 b: failed to decode Base64 value. please make "
                  "sure value provided is Base64 encoded"));
}

TEST(LintTest, OutputsThatAreNotThereYetAreNamed) {
  EXPECT_THAT(
      Lint("version: strake/v1\nsteps:\n  - {id: one, cmd: a}\n"
           "  - {id: two, cmd: a, when: ['-']}\n"
           "  - cmd: a {{.Steps.one.Outputs.x}}\n"
           "  - cmd: a {{.Steps.two.Outputs.x}} {{.Matrix.y}}\n"
           "  - cmd: a {{index .Steps \"twos\" \"Status\"}}\n"),
      ElementsAre(
          "warning 5:10 the step does not wait for \"one\", which it reads: "
          "name that in \"when\"",
          "warning 6:10 the step has no \"matrix\": .Matrix is empty",
          "warning 7:10 there is no step \"twos\" (did you mean two?)"));
}

TEST(LintTest, TheStepsOfAMatrixAreOneStep) {
  EXPECT_EQ(Lint("version: strake/v1\nsteps:\n"
                 "  - {cmd: a, retries: -1, matrix: {a: [1, 2]}}\n")
                .size(),
            1u);
}

TEST(LintTest, AllErrorsAreFound) {
  EXPECT_THAT(Lint("version: v9\nsteps:\n  - {cmd: a, retries: -1}\n"
                   "  - {id: b c}\n  - {cmd: a, when: [x]}\n"),
              ElementsAre("error 1:1 invalid version specified: \"v9\", the "
                          "current version is \"v1.0.0\"",
                          "error 3:14 step must specify retries >= 0",
                          "error 4:6 step ID cannot contain spaces",
                          "error 4:5 step is missing a cmd, build, or push "
                          "property",
                          "error 5:14 x does not exist as a vertex [from: x, "
                          "to: acb_step_2]"));
}

TEST(LintTest, AllWrongTypesAreFound) {
  EXPECT_EQ(Lint("stepTimeout: x\nenv: A=1\n").size(), 2u);
}

TEST(LintTest, ATemplateThatIsWrongIsFoundAtItsPlace) {
  auto problems = Lint("# one\nsteps:\n  - cmd: {{ nothing 1 }}\n");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_THAT(problems[0], ::testing::StartsWith("error 3:13 "));
  EXPECT_THAT(problems[0],
              ::testing::HasSubstr("unable to render task: error while "
                                   "rendering templates: failed to parse "
                                   "template: f. Err: "));
}

}  // namespace
}  // namespace strake::tasks::file
