#include "builder/plan/make_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/builder/plan/planner.h"

namespace strake::testing {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Names(const plan::BuildGraph& graph) {
  std::vector<std::string> names;
  for (const plan::Vertex& vertex : graph.vertices()) {
    names.push_back(vertex.name);
  }
  return names;
}

TEST(AddToPlanTest, MakesOneTargetAPlatformInTheOrderGiven) {
  Planner planner;
  auto graph = planner.PlanAll("FROM scratch\nCOPY a /\n",
                               {"linux/arm64", "linux/amd64", "linux/arm/v6"});
  ASSERT_EQ(graph.targets.size(), 3u);
  EXPECT_EQ(graph.targets[0].config.platform.ToString(), "linux/arm64");
  EXPECT_EQ(graph.targets[1].config.platform.ToString(), "linux/amd64");
  EXPECT_EQ(graph.targets[2].config.platform.ToString(), "linux/arm/v6");
}

TEST(AddToPlanTest, SharesWhatDoesNotDependOnThePlatform) {
  Planner planner;
  auto graph = planner.PlanAll(
      "FROM --platform=$BUILDPLATFORM base AS tools\n"
      "RUN make tools\n"
      "FROM --platform=$BUILDPLATFORM base AS build\n"
      "COPY --from=tools /t /t\n"
      "ARG TARGETARCH\n"
      "RUN make\n"
      "FROM scratch\n"
      "COPY --from=build /app /\n",
      {"linux/amd64", "linux/arm64"});
  std::vector<std::vector<std::string>> commands;
  for (const plan::RunOp& run : OpsOf<plan::RunOp>(graph)) {
    commands.push_back({run.argv.back(), run.env.back()});
  }
  EXPECT_THAT(commands, ElementsAre(ElementsAre("make tools", "PATH=/bin"),
                                    ElementsAre("make", "TARGETARCH=amd64"),
                                    ElementsAre("make", "TARGETARCH=arm64")));
  EXPECT_EQ(OpsOf<plan::ImageOp>(graph).size(), 1u);
}

TEST(AddToPlanTest, EqualImagesAreBuiltOnce) {
  Planner planner;
  auto graph = planner.PlanAll("FROM scratch\nCOPY a /\n",
                               {"linux/amd64", "linux/arm64"});
  EXPECT_EQ(graph.targets[0].state, graph.targets[1].state);
}

TEST(AddToPlanTest, NamesStepsByThePlatformOfTheirStage) {
  Planner planner;
  auto graph = planner.PlanAll(
      "FROM --platform=linux/amd64 scratch AS b\nCOPY a /\n"
      "FROM scratch\nCOPY b /\nCOPY --from=b /a /\nRUN x\n",
      {"linux/amd64", "linux/arm64"});
  auto names = Names(graph);
  EXPECT_THAT(names, ::testing::Contains("[linux/amd64 b 2/2] COPY a /"));
  EXPECT_THAT(names, ::testing::Contains("[linux/amd64 stage-1 4/4] RUN x"));
}

TEST(AddToPlanTest, AsksForEveryPlatformsBase) {
  Planner planner;
  planner.PlanAll("FROM base\n", {"linux/amd64", "linux/arm64"});
  EXPECT_THAT(planner.asked,
              ElementsAre("docker.io/library/base:latest linux/amd64",
                          "docker.io/library/base:latest linux/arm64"));
}

TEST(AddToPlanTest, APlatformAskedForIsTheImages) {
  Planner planner;
  planner.options.platform_is_explicit = true;
  planner.options.target_platform = {"linux", "arm64", "", "", {}};
  auto graph = planner.Plan("FROM --platform=$BUILDPLATFORM base\n");
  EXPECT_EQ(graph.targets[0].config.platform.ToString(), "linux/arm64");
}

TEST(AddToPlanTest, WhatOnlyTheBaseKnowsOfThePlatformStays) {
  Planner planner;
  planner.options.platform_is_explicit = true;
  planner.options.target_platform = {"windows", "amd64", "", "", {}};
  planner.Image("docker.io/library/base:latest").platform = {
      "windows", "amd64", "", "10.0.20348.2340", {"win32k"}};
  auto graph = planner.Plan("FROM base\n");
  EXPECT_EQ(graph.targets[0].config.platform.os_version, "10.0.20348.2340");
  EXPECT_THAT(graph.targets[0].config.platform.os_features,
              ElementsAre("win32k"));
}

TEST(AddToPlanTest, RunsNothingForWindows) {
  Planner planner;
  planner.Image("docker.io/library/base:latest").platform = {
      "windows", "amd64", "", "10.0.20348.2340", {}};
  std::string failure = planner.Failure("FROM base\nRUN dir");
  EXPECT_THAT(failure, ::testing::HasSubstr("2: "));
  EXPECT_THAT(failure, ::testing::HasSubstr("windows/amd64"));
  failure = planner.Failure("FROM base\nCOPY --chmod=755 a C:/a");
  EXPECT_THAT(failure, ::testing::HasSubstr("--chmod in an image for Windows"));
  failure = planner.Failure("FROM base\nWORKDIR D:\\a");
  EXPECT_THAT(failure, ::testing::HasSubstr("not on drive C:"));
}

TEST(AddToPlanTest, WindowsImagesHaveTheirOwnDefaults) {
  Planner planner;
  planner.options.platform_is_explicit = true;
  planner.options.target_platform = {"windows", "amd64", "", "", {}};
  auto graph = planner.Plan("FROM scratch\nCMD dir\n");
  const oci::ImageConfig& config = graph.targets[0].config;
  EXPECT_THAT(config.env,
              ElementsAre("PATH=c:\\Windows\\System32;c:\\Windows;"
                          "C:\\Windows\\System32\\WindowsPowerShell\\v1.0"));
  EXPECT_THAT(*config.cmd, ElementsAre("cmd", "/S", "/C", "dir"));
}

TEST(AddToPlanTest, WithoutAWishTheBaseDecides) {
  Planner planner;
  planner.Image("docker.io/library/base:latest").platform = {
      "linux", "riscv64", "", "", {}};
  auto graph = planner.Plan("FROM base\n");
  EXPECT_EQ(graph.targets[0].config.platform.architecture, "riscv64");
}

}  // namespace
}  // namespace strake::testing
