// Directories of input and expected output, testdata/plan/<behaviour>:
//
//   Dockerfile    what is planned, with the base images that `Images` names
//   build-args    optional: NAME=VALUE, one a line
//   ignore        optional: the context's ignore file
//   options       optional: "target NAME", "context NAME", "platform P",
//                 "allow-insecure"; one a line
//   expected      the plan as tests/builder/plan/print_plan.h prints it, or
//                 the error; then what was found
//
// STRAKE_UPDATE_GOLDEN=1 writes what is printed now; read the difference
// before committing it.

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "dockerfile/ignore.h"
#include "dockerfile/lint.h"
#include "dockerfile/print.h"
#include "tests/builder/plan/planner.h"
#include "tests/builder/plan/print_plan.h"
#include "tests/support/golden.h"
#include "util/byte_stream.h"
#include "util/strings.h"

namespace strake::builder::plan {
namespace {

using strake::testing::CompareWithGolden;
using strake::testing::GoldenCases;
using strake::testing::GoldenName;
using strake::testing::GoldenPath;
using strake::testing::Planner;

// Beside "base", which has PATH=/bin and nothing else.
void AddImages(Planner& planner) {
  auto& rich = planner.Image("docker.io/library/rich:1");
  rich.env = {"PATH=/opt/bin", "LANG=C"};
  rich.user = "www:web";
  rich.working_dir = "/srv";
  rich.cmd = {{"serve"}};
  rich.entrypoint = {{"/init"}};
  rich.labels = {{"from", "rich"}};
  auto& shell = planner.Image("docker.io/library/shell:latest");
  shell.shell = {{"/bin/bash", "-c"}};
  auto& trigger = planner.Image("docker.io/library/trigger:latest");
  trigger.on_build = {"ARG FROM_TRIGGER=1", "COPY . /src"};
  auto& bare = planner.Image("docker.io/library/bare:latest");
  bare.env.clear();
  auto& arm = planner.Image("docker.io/library/arm:latest");
  arm.platform = {"linux", "arm64", "", "", {}};
}

std::vector<std::string> Lines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

void ApplyOptions(const std::string& folder, Planner& planner) {
  std::vector<std::pair<std::string, std::string>> args;
  for (const std::string& line : Lines(folder + "/build-args")) {
    auto pair = SplitOnce(line, '=');
    ASSERT_TRUE(pair) << line;
    args.emplace_back(pair->first, pair->second);
  }
  planner.SetBuildArgs(args);
  for (const std::string& line : Lines(folder + "/options")) {
    auto pair = SplitOnce(line, ' ');
    std::string name(pair ? pair->first : line);
    std::string value(pair ? pair->second : "");
    if (name == "target") {
      planner.options.target = value;
    } else if (name == "context") {
      planner.options.named_contexts.insert(value);
    } else if (name == "allow-insecure") {
      planner.options.allow_insecure = true;
    } else if (name == "platform") {
      auto platform = oci::ParsePlatform(value);
      ASSERT_TRUE(platform);
      planner.options.target_platform = *platform;
    } else {
      FAIL() << "unknown option " << line;
    }
  }
  if (auto ignore = ReadFile(folder + "/ignore")) {
    auto matcher =
        dockerfile::IgnoreMatcher::Compile(dockerfile::ReadIgnoreFile(*ignore));
    ASSERT_TRUE(matcher) << matcher.error().message();
    planner.options.is_ignored = [ignore = *matcher](const std::string& path) {
      return dockerfile::CopiesIgnoredFile(ignore, path);
    };
  }
}

class PlanGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(PlanGoldenTest, PrintsWhatIsExpected) {
  std::string folder = GoldenPath("plan", GetParam());
  auto text = ReadFile(folder + "/Dockerfile");
  ASSERT_TRUE(text) << text.error().message();
  Planner planner;
  AddImages(planner);
  ApplyOptions(folder, planner);
  dockerfile::ParseResult parsed = dockerfile::Parse(*text);
  ASSERT_FALSE(dockerfile::HasErrors(parsed.diagnostics))
      << "a case of testdata/dockerfile: "
      << dockerfile::Print(parsed.diagnostics);
  auto config = dockerfile::LintConfigFor(
      parsed.dockerfile,
      planner.options.build_args.Find("BUILDKIT_DOCKERFILE_CHECK"));
  ASSERT_TRUE(config) << config.error().message();
  planner.options.lint = *config;
  auto graph = planner.TryPlan(*text);
  std::string printed;
  if (graph) {
    printed = strake::testing::PrintPlan(*graph);
  } else if (!dockerfile::HasErrors(planner.diagnostics)) {
    printed = "error: " + graph.error().message() + "\n";
  }
  dockerfile::SortByPlace(planner.diagnostics);
  printed += dockerfile::Print(planner.diagnostics);
  CompareWithGolden(folder, printed);
}

INSTANTIATE_TEST_SUITE_P(All, PlanGoldenTest,
                         ::testing::ValuesIn(GoldenCases("plan")), GoldenName);

}  // namespace
}  // namespace strake::builder::plan
