// What goes beyond ACR Tasks, under `version: strake/v1`.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tasks/file/task_file.h"

namespace strake::tasks::file {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StrakeVersionTest : public ::testing::Test {
 protected:
  StrakeVersionTest() {
    source_.file = "f";
    source_.run.id = "r1";
  }
  Task Read(const std::string& text) {
    source_.text = "version: strake/v1\n" + text;
    auto read = ReadTaskFile(source_);
    EXPECT_TRUE(read) << read.error().message();
    return read ? read->task : Task();
  }
  std::string ErrorOf(const std::string& text) {
    source_.text = "version: strake/v1\n" + text;
    auto read = ReadTaskFile(source_);
    EXPECT_FALSE(read);
    return read ? "" : read.error().message();
  }
  static std::vector<std::string> Edges(const Task& task) {
    std::vector<std::string> edges;
    for (const Step& step : task.steps) {
      std::string line = step.id + ":";
      for (size_t before : step.after) line += " " + task.steps[before].id;
      edges.push_back(line);
    }
    return edges;
  }

  TaskSource source_;
};

TEST_F(StrakeVersionTest, PropertiesAreRead) {
  Task task = Read(R"(steps:
  - id: a
    cmd: busybox
    outputs: true
    if: "true"
    exitedWith: [3, 4]
    exitedWithout: [1]
    cache:
      - {id: c, paths: [/a, /b], key: {files: [go.sum, "*.mod"]}}
  - build: .
    cache: enabled
)");
  ASSERT_EQ(task.steps.size(), 2u);
  EXPECT_TRUE(task.is_strake());
  const Step& step = task.steps[0];
  EXPECT_TRUE(step.outputs);
  EXPECT_EQ(step.condition, "true");
  EXPECT_THAT(step.exited_with, ElementsAre(3, 4));
  EXPECT_THAT(step.exited_without, ElementsAre(1));
  ASSERT_EQ(step.caches.size(), 1u);
  EXPECT_EQ(step.caches[0].id, "c");
  EXPECT_THAT(step.caches[0].paths, ElementsAre("/a", "/b"));
  EXPECT_THAT(step.caches[0].key_files, ElementsAre("go.sum", "*.mod"));
  EXPECT_TRUE(task.steps[1].cache_enabled);
}

TEST_F(StrakeVersionTest, OtherVersionsIgnoreThem) {
  source_.text =
      "version: v1.1.0\nsteps:\n"
      "  - {cmd: a, outputs: x, if: b, matrix: c, exitedWith: [3]}\n";
  auto read = ReadTaskFile(source_);
  ASSERT_TRUE(read) << read.error().message();
  const Step& step = read->task.steps[0];
  EXPECT_FALSE(read->task.is_strake());
  EXPECT_FALSE(step.outputs);
  EXPECT_EQ(step.condition, "");
  EXPECT_THAT(step.matrix, IsEmpty());
  EXPECT_THAT(step.exited_with, IsEmpty());
}

TEST_F(StrakeVersionTest, OtherVersionsKnowNoLateTemplates) {
  source_.text = "version: v1.1.0\nsteps:\n  - cmd: a {{.Nothing}}!\n";
  auto read = ReadTaskFile(source_);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->task.steps[0].cmd, "a !");
}

TEST_F(StrakeVersionTest, AliasesAreOn) {
  EXPECT_EQ(
      Read("alias: {values: {a: b}}\nsteps: [{cmd: a $a $ID}]\n").steps[0].cmd,
      "b b r1");
}

TEST_F(StrakeVersionTest, OutputsOfStepsAreLeftForLater) {
  Task task = Read(R"(steps:
  - cmd: {{.Steps.a.Outputs.image}} echo {{.Run.ID}}
    env: [V={{.Steps.a.Outputs.v | upper}}]
    if: {{eq .Steps.a.Outputs.v "x"}}
)");
  const Step& step = task.steps[0];
  EXPECT_EQ(step.cmd, "{{.Steps.a.Outputs.image}} echo r1");
  EXPECT_THAT(step.env, ElementsAre("V={{.Steps.a.Outputs.v | upper}}"));
  EXPECT_EQ(step.condition, "{{eq .Steps.a.Outputs.v \"x\"}}");
  auto late = [&](const std::string& text) {
    auto rendered = RenderLate(
        source_, {}, step, text,
        R"({"a":{"Outputs":{"image":"busybox","v":"x"},"ExitCode":0}})");
    return rendered ? *rendered : rendered.error().message();
  };
  EXPECT_EQ(late(step.cmd), "busybox echo r1");
  EXPECT_EQ(late(step.env[0]), "V=X");
  EXPECT_EQ(late(step.condition), "true");
}

TEST_F(StrakeVersionTest, AnErrorBesideALateTemplateIsAtItsPlace) {
  EXPECT_EQ(
      ErrorOf("steps:\n  - {cmd: {{.Steps.a.Outputs.b}} c, timeout: x}\n"),
      "f:3:46: yaml: unmarshal errors:\n  line 3: cannot unmarshal !!str "
      "`x` into int");
}

TEST_F(StrakeVersionTest, AMatrixIsAStepForEachCombination) {
  Task task = Read(R"(steps:
  - id: build
    build: --platform linux/{{.Matrix.arch}} -t x:{{.Matrix.arch}} .
    timeout: {{.Matrix.seconds}}
    matrix:
      arch: [amd64, arm64]
      seconds: [30]
  - id: after
    cmd: a
    when: [build]
)");
  EXPECT_THAT(Edges(task), ElementsAre("build-amd64-30:", "build-arm64-30:",
                                       "after: build-amd64-30 build-arm64-30"));
  EXPECT_EQ(task.steps[1].build, "--platform linux/arm64 -t x:arm64 .");
  EXPECT_EQ(task.steps[1].timeout, std::chrono::seconds(30));
  EXPECT_EQ(task.steps[1].matrix.at("arch"), "arm64");
  EXPECT_THAT(task.steps[2].matrix, IsEmpty());
}

TEST_F(StrakeVersionTest, WithoutWhenAMatrixFollowsTheStepBefore) {
  Task task = Read(R"(steps:
  - {id: a, cmd: x, matrix: {n: [1, 2]}}
  - {id: b, cmd: x, matrix: {n: [1, 2]}}
  - {id: c, cmd: x}
  - {id: d, cmd: x}
)");
  EXPECT_THAT(Edges(task), ElementsAre("a-1:", "a-2:", "b-1: a-1 a-2",
                                       "b-2: a-1 a-2", "c: b-1 b-2", "d: c"));
}

TEST_F(StrakeVersionTest, WhenMayNameOneStepOfAMatrix) {
  Task task = Read(R"(steps:
  - {id: a, cmd: x, matrix: {n: [1, 2]}}
  - {id: b, cmd: x, matrix: {n: [1, 2]}, when: ["a-{{.Matrix.n}}"]}
  - {id: c, cmd: x, when: [a-2]}
)");
  EXPECT_THAT(Edges(task),
              ElementsAre("a-1:", "a-2:", "b-1: a-1", "b-2: a-2", "c: a-2"));
}

TEST_F(StrakeVersionTest, IdsOfAMatrixHaveOnlyWhatANameMayHave) {
  Task task =
      Read("steps:\n  - {cmd: x, matrix: {image: ['a/b:1', \"ü c\"]}}\n");
  EXPECT_EQ(task.steps[0].id, "acb_step_0-a-b-1");
  EXPECT_EQ(task.steps[1].id, "acb_step_0----c");
}

TEST_F(StrakeVersionTest, MatrixAndOutputsMayBeInOneAction) {
  Task task = Read(
      "steps:\n  - cmd: x {{index .Steps .Matrix.a \"Status\"}}\n"
      "    matrix: {a: [b]}\n");
  EXPECT_EQ(task.steps[0].cmd, "x {{index .Steps .Matrix.a \"Status\"}}");
  auto late = RenderLate(source_, {}, task.steps[0], task.steps[0].cmd,
                         R"({"b":{"Status":"skipped"}})");
  ASSERT_TRUE(late) << late.error().message();
  EXPECT_EQ(*late, "x skipped");
}

TEST_F(StrakeVersionTest, WhatIsWrongIsRefused) {
  struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"steps:\n  - {cmd: x, matrix: {a: []}}\n",
       "f:3:23: matrix: \"a\" has no values"},
      {"steps:\n  - {cmd: x, matrix: {a: ['1 ', '1_']}}\n", ""},
      {"steps:\n  - {cmd: x, matrix: {a: ['1!', '1?']}}\n",
       "f:3:22: matrix: two combinations give the same step ID, which ends in "
       "-1-"},
      {"steps:\n  - {id: a, cmd: x, matrix: {n: [1]}}\n  - {id: a, cmd: x}\n",
       "f:4:6: a already exists as a vertex"},
      {"steps:\n  - {id: a, cmd: x, matrix: {n: [1]}, when: [a]}\n",
       "f:3:39: Step ID: a is self-referenced"},
      {"steps:\n  - {build: ., outputs: true}\n",
       "f:3:16: only cmd steps have outputs"},
      {"steps:\n  - {build: ., cache: [{paths: [/a]}]}\n",
       "f:3:16: a list of caches is for cmd steps; a build step has 'enabled' "
       "or 'disabled'"},
      {"steps:\n  - {cmd: a, cache: [{id: b}]}\n",
       "f:3:22: a cache needs paths"},
      {"steps:\n  - {cmd: a, cache: [{paths: [b]}]}\n",
       "f:3:22: the path \"b\" of a cache is not absolute"},
      {"secrets:\n  - {id: a, env: B, file: c}\n",
       "f:3:5: failed to validate secret with ID: a: a secret comes from one "
       "of env, file, program or keyvault"},
  };
  for (const auto& [text, message] : cases) {
    if (*message == '\0') {
      Read(text);
    } else {
      EXPECT_EQ(ErrorOf(text), message) << text;
    }
  }
}

TEST_F(StrakeVersionTest, AVersionThatIsNotSeenIsRefused) {
  const std::string message =
      "\"version: strake/v1\" has to begin a line, and to be the only version";
  EXPECT_EQ(ErrorOf("steps: []\nversion: v1.1.0\n"), "f:3:1: " + message);
  source_.text = "{version: strake/v1, steps: []}\n";
  auto read = ReadTaskFile(source_);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().message(), "f:1:2: " + message);
}

TEST_F(StrakeVersionTest, CommentsAndQuotesOfLateTemplatesAreTheirs) {
  Task task = Read(
      "steps:\n  - cmd: a {{if .Steps.a}}{{/* \"'}} */}}b{{end}}\n"
      "    user: '{{index .Steps \"it''s }}\" `\"`}}'\n");
  EXPECT_EQ(task.steps[0].cmd, "a {{if .Steps.a}}{{/* \"'}} */}}b{{end}}");
  EXPECT_EQ(task.steps[0].user, "{{index .Steps \"it''s }}\" `\"`}}");
}

TEST_F(StrakeVersionTest, AnErrorInAMatrixIsAtItsPlace) {
  EXPECT_THAT(ErrorOf("steps:\n  - cmd: a\n    user: b {{atoi .Matrix.a.b}}\n"
                      "    matrix: {a: [x]}\n"),
              ::testing::StartsWith("f:4:11: unable to render task: error "
                                    "while rendering templates: failed to "));
}

TEST_F(StrakeVersionTest, SecretsNameTheirSource) {
  Task task = Read(
      "secrets:\n  - {id: a, env: A}\n  - {id: b, file: b.txt}\n"
      "  - {id: c, program: [pass, show, c]}\n");
  EXPECT_EQ(task.secrets[0].environment, "A");
  EXPECT_EQ(task.secrets[1].path, "b.txt");
  EXPECT_THAT(task.secrets[2].program, ElementsAre("pass", "show", "c"));
}

}  // namespace
}  // namespace strake::tasks::file
