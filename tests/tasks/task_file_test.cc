#include "tasks/file/task_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::tasks::file {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TaskFileTest : public ::testing::Test {
 protected:
  TaskFileTest() {
    source_.file = "acb.yaml";
    source_.run.id = "cf1";
    source_.run.registry = "reg.example:5000";
  }
  Task Read(const std::string& text) {
    source_.text = text;
    auto read = ReadTaskFile(source_);
    EXPECT_TRUE(read) << read.error().message();
    return read ? read->task : Task();
  }
  std::string ErrorOf(const std::string& text) {
    source_.text = text;
    auto read = ReadTaskFile(source_);
    EXPECT_FALSE(read);
    return read ? "" : read.error().message();
  }
  // The edges of each step, by ids.
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

TEST_F(TaskFileTest, DefaultsAreFilledIn) {
  Task task = Read("steps:\n  - cmd: busybox true\n");
  EXPECT_EQ(task.version, "v1.0.0");
  EXPECT_EQ(task.file, "acb.yaml");
  ASSERT_EQ(task.steps.size(), 1u);
  const Step& step = task.steps[0];
  EXPECT_EQ(step.id, "acb_step_0");
  EXPECT_EQ(step.kind, StepKind::kCmd);
  EXPECT_EQ(step.timeout, seconds(600));
  EXPECT_EQ(step.retry_delay, seconds(5));
  EXPECT_EQ(step.start_delay, seconds(0));
  EXPECT_EQ(step.network, "acb_default_network");
  EXPECT_EQ(step.working_directory, "");
  ASSERT_EQ(task.networks.size(), 1u);
  EXPECT_EQ(task.networks[0].driver, "bridge");
}

TEST_F(TaskFileTest, NoStepsAreATask) {
  EXPECT_THAT(Read("version: v1.1.0\n").steps, IsEmpty());
  EXPECT_THAT(Read("steps:\n").steps, IsEmpty());
}

TEST_F(TaskFileTest, EveryPropertyOfAStepIsRead) {
  Task task = Read(R"(version: v1.1.0
steps:
  - id: all
    cmd: >
      busybox
      true
    env: [A=1, B=2]
    entryPoint: sh
    workingDirectory: sub
    disableWorkingDirectoryOverride: yes
    timeout: 7
    startDelay: 1
    retries: 2
    retryDelay: 3
    retryOnErrors: ["reset by peer"]
    repeat: 4
    ignoreErrors: on
    detach: true
    keep: True
    pull: YES
    cmdDownloadRetries: 5
    cmdDownloadRetryDelay: 6
    privileged: y
    user: 1000
    network: host
    isolation: default
    cpus: 1.5
    ports: [80, 8080:80]
    expose: [81]
    exitedWith: [1, 2]
    volumeMounts:
      - name: v
        mountPath: /run/v
volumes:
  - name: v
    secret: {f: eA==}
)");
  ASSERT_EQ(task.steps.size(), 1u);
  const Step& step = task.steps[0];
  EXPECT_EQ(step.cmd, "busybox true\n");
  EXPECT_THAT(step.env, ElementsAre("A=1", "B=2"));
  EXPECT_EQ(step.entry_point, "sh");
  EXPECT_EQ(step.working_directory, "sub");
  EXPECT_TRUE(step.disable_working_directory_override);
  EXPECT_EQ(step.timeout, seconds(7));
  EXPECT_EQ(step.start_delay, seconds(1));
  EXPECT_EQ(step.retries, 2);
  EXPECT_EQ(step.retry_delay, seconds(3));
  EXPECT_THAT(step.retry_on_errors, ElementsAre("reset by peer"));
  EXPECT_EQ(step.repeat, 4);
  EXPECT_TRUE(step.ignore_errors && step.detach && step.keep && step.pull &&
              step.privileged);
  EXPECT_EQ(step.download_retries, 5);
  EXPECT_EQ(step.download_retry_delay, seconds(6));
  EXPECT_EQ(step.user, "1000");
  EXPECT_EQ(step.network, "host");
  EXPECT_EQ(step.isolation, "default");
  EXPECT_EQ(step.cpus, "1.5");
  EXPECT_THAT(step.ports, ElementsAre("80", "8080:80"));
  EXPECT_THAT(step.expose, ElementsAre("81"));
  EXPECT_THAT(step.exited_with, IsEmpty());
  ASSERT_EQ(step.volume_mounts.size(), 1u);
  EXPECT_EQ(step.volume_mounts[0].path, "/run/v");
  EXPECT_EQ(task.volumes[0].files.at("f"), "eA==");
  EXPECT_EQ(step.places.at("timeout").line, 11);
  EXPECT_EQ(step.places.at("timeout").column, 5);
}

TEST_F(TaskFileTest, PropertiesOfTheTaskGoToItsSteps) {
  source_.env = {"C=0,A=0"};
  Task task = Read(R"(stepTimeout: 60
workingDirectory: sub
env: ["A=1,B=2"]
steps:
  - build: . -t x
    cache: Enabled
  - push: [x]
    timeout: 5
    env: [B=3]
    workingDirectory: /other
)");
  ASSERT_EQ(task.steps.size(), 2u);
  EXPECT_EQ(task.steps[0].kind, StepKind::kBuild);
  EXPECT_TRUE(task.steps[0].cache_enabled);
  EXPECT_EQ(task.steps[0].timeout, seconds(60));
  EXPECT_EQ(task.steps[0].working_directory, "sub");
  EXPECT_THAT(task.steps[0].env, ElementsAre("A=1", "B=2", "C=0"));
  EXPECT_EQ(task.steps[1].kind, StepKind::kPush);
  EXPECT_THAT(task.steps[1].push, ElementsAre("x"));
  EXPECT_EQ(task.steps[1].timeout, seconds(5));
  EXPECT_THAT(task.steps[1].env, ElementsAre("B=3", "A=1", "C=0"));
  EXPECT_EQ(task.steps[1].working_directory, "/other");
}

TEST_F(TaskFileTest, WhatTheRunGivesNeedsValuesInTheTask) {
  source_.env = {"A=1"};
  EXPECT_EQ(ErrorOf("version: v9\nenv: [B]\n"),
            "acb.yaml:2:1: cannot parse step environment variable B correctly");
  source_.env = {"A"};
  EXPECT_EQ(ErrorOf("steps: []\n"),
            "acb.yaml:1:1: cannot parse task environment variable A correctly");
}

TEST_F(TaskFileTest, LinesMayEndAsOnWindows) {
  Task task = Read(
      "version: v1.1.0\r\n# x\r\nalias:\r\n  values:\r\n    a: b\r\n"
      "steps:\r\n  - id: one\r\n    cmd: $a {{.Run.ID}}\r\n");
  ASSERT_EQ(task.steps.size(), 1u);
  EXPECT_EQ(task.steps[0].cmd, "b cf1");
  EXPECT_EQ(task.steps[0].places.at("cmd").line, 8);
}

TEST_F(TaskFileTest, TheFileWinsOverTheWorkingDirectoryOfTheRun) {
  source_.working_directory = "run";
  EXPECT_EQ(Read("steps: [{cmd: a}]\n").steps[0].working_directory, "run");
  EXPECT_EQ(Read("workingDirectory: file\nsteps: [{cmd: a}]\n")
                .steps[0]
                .working_directory,
            "file");
}

TEST_F(TaskFileTest, NoTimeoutIsTheDefault) {
  Task task = Read("stepTimeout: -1\nsteps: [{cmd: a, timeout: 0}]\n");
  EXPECT_EQ(task.steps[0].timeout, seconds(600));
}

TEST_F(TaskFileTest, OnlyWhatIsTheDefaultNetworkIsJoined) {
  Task task = Read(
      "networks:\n  - {name: a, driver: bridge, ipv6: true, isDefault: true}\n"
      "  - {name: b, isDefault: true}\n  - {name: c, skipCreation: true}\n"
      "steps: [{cmd: x}, {cmd: y, network: c}]\n");
  EXPECT_EQ(task.steps[0].network, "b");
  EXPECT_EQ(task.steps[1].network, "c");
  EXPECT_TRUE(task.networks[0].ipv6);
  EXPECT_TRUE(task.networks[2].skip_creation);
  EXPECT_EQ(Read("networks: [{name: a}]\nsteps: [{cmd: x}]\n").steps[0].network,
            "");
}

TEST_F(TaskFileTest, WhenBecomesEdges) {
  Task task = Read(R"(steps:
  - {id: a, cmd: x, when: ["-"]}
  - {id: b, cmd: x, when: ["-"]}
  - {id: c, cmd: x}
  - {id: d, cmd: x, when: [a, c, a]}
)");
  EXPECT_THAT(Edges(task), ElementsAre("a:", "b:", "c: b", "d: a c"));
}

TEST_F(TaskFileTest, AliasesAndTemplatesAreReplaced) {
  Task task = Read(R"(version: v1.1.0
alias:
  values:
    repo: "{{.Run.Registry}}/app"
    tool: busybox:{{.Run.ID}}
steps:
  - build: -t $repo:$ID .
  - cmd: tool echo $HOME
  - cmd: bash echo
)");
  EXPECT_EQ(task.steps[0].build, "-t reg.example:5000/app:cf1 .");
  EXPECT_EQ(task.steps[1].cmd, "busybox:cf1 echo $HOME");
  EXPECT_EQ(task.steps[2].cmd, "mcr.microsoft.com/acr/bash:2ff604c echo");
}

TEST_F(TaskFileTest, OlderVersionsHaveNoAliases) {
  Task task = Read(
      "version: v1.0.0\nalias: {values: {a: b}}\nsteps: [{cmd: bash $a}]\n");
  EXPECT_EQ(task.steps[0].cmd, "bash $a");
}

TEST_F(TaskFileTest, SecretsAreRenderedIn) {
  source_.secret = [](const Secret& secret) -> Result<std::string> {
    return secret.keyvault + "!";
  };
  source_.text = R"(secrets:
  - id: one
    keyvault: HTTPS://vault.example/secrets/One
steps:
  - cmd: busybox echo {{.Secrets.one}}
)";
  auto read = ReadTaskFile(source_);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->secrets.at("one"), "https://vault.example/secrets/one!");
  EXPECT_EQ(read->task.steps[0].cmd,
            "busybox echo https://vault.example/secrets/one!");
}

TEST_F(TaskFileTest, WhatWasRenderedIsNotRenderedAgain) {
  source_.secret = [](const Secret&) -> Result<std::string> {
    return std::string("told");
  };
  source_.values = R"({"v": "{{.Secrets.s}}"})";
  const Task task = Read(R"(version: v1.1.0
secrets: [{id: s, keyvault: 'https://vault.example/secrets/s'}]
alias:
  values: {tool: 'image:{{.Run.ID}}'}
steps:
  - cmd: bash -c 'echo {{`{{.Run.ID}}`}} {{.Values.v}}'
  - cmd: tool {{.Values.v}}
)");
  ASSERT_EQ(task.steps.size(), 2u);
  EXPECT_THAT(task.steps[0].cmd,
              testing::EndsWith(" -c 'echo {{.Run.ID}} {{.Secrets.s}}'"));
  EXPECT_EQ(task.steps[1].cmd, "image:cf1 {{.Secrets.s}}");
}

TEST_F(TaskFileTest, ASecretThatIsNotToBeHadIsAnError) {
  source_.secret = [](const Secret&) -> Result<std::string> {
    return NotFound("no such secret");
  };
  EXPECT_EQ(ErrorOf("secrets:\n  - id: a\n    keyvault: https://v/secrets/a\n"),
            "acb.yaml:2:5: unable to render task: failed to resolve secrets in "
            "the task with error: no such secret");
}

TEST_F(TaskFileTest, AnErrorBehindCommentsAndAliasesIsAtItsOwnPlace) {
  EXPECT_THAT(ErrorOf(R"(# one
version: v1.1.0
alias:
  values:
    # four
    text: |
      a
      b
steps:
  # ten
  - cmd: $ID {{.Run.ID}}
  # twelve
  - {cmd: $ID-{{.Run.ID}}, timeout: "60"}
)"),
              HasSubstr("acb.yaml:13:37: yaml: unmarshal errors:\n  line 13: "
                        "cannot unmarshal !!str `60` into int"));
}

TEST_F(TaskFileTest, TheTextOfACommandIsATask) {
  Task task = Read(TaskTextOfCommand("bash -c 'echo: # \"a\"'", 30));
  ASSERT_EQ(task.steps.size(), 1u);
  EXPECT_EQ(task.steps[0].cmd,
            "mcr.microsoft.com/acr/bash:2ff604c -c 'echo: # \"a\"'");
  EXPECT_TRUE(task.steps[0].disable_working_directory_override);
  EXPECT_EQ(task.steps[0].timeout, seconds(30));
  EXPECT_EQ(Read(TaskTextOfCommand("busybox", 0)).steps[0].timeout,
            seconds(600));
}

TEST_F(TaskFileTest, RenderingShowsTheTextAndItsLines) {
  source_.text = "version: v1.1.0\n# x\nsteps: [{cmd: $ID}]\n";
  auto rendered = RenderTaskFile(source_);
  ASSERT_TRUE(rendered) << rendered.error().message();
  EXPECT_EQ(rendered->text, "version: v1.1.0\nsteps: [{cmd: cf1}]\n");
  ASSERT_GE(rendered->source_lines.size(), 2u);
  EXPECT_EQ(rendered->source_lines[1], 3);
}

}  // namespace
}  // namespace strake::tasks::file
