// What instructions leave in the configuration, the variables and the graph.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/builder/plan/planner.h"

namespace strake::builder::plan {
namespace {

using ::strake::testing::NewHistory;
using ::strake::testing::OpsOf;
using ::strake::testing::Planner;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Names(const BuildGraph& graph) {
  std::vector<std::string> names;
  for (const Vertex& vertex : graph.vertices()) names.push_back(vertex.name);
  return names;
}

TEST(LowerStageTest, StartsFromTheImagesConfiguration) {
  Planner planner;
  oci::ImageConfig& base = planner.Image("docker.io/library/base:latest");
  base.user = "app";
  base.cmd = {{"serve"}};
  base.working_dir = "/srv";
  base.labels = {{"from", "base"}};
  base.on_build = {"LABEL trigger=1"};
  base.created = oci::Timestamp(std::chrono::seconds(1));
  BuildGraph graph = planner.Plan("FROM base\n");
  const oci::ImageConfig& config = graph.targets.front().config;
  EXPECT_EQ(config.user, "app");
  EXPECT_THAT(*config.cmd, ElementsAre("serve"));
  EXPECT_EQ(config.working_dir, "/srv");
  EXPECT_EQ(config.labels.at("from"), "base");
  EXPECT_EQ(config.labels.at("trigger"), "1");
  EXPECT_THAT(config.on_build, IsEmpty());
  EXPECT_EQ(config.created, std::nullopt);
  EXPECT_EQ(graph.targets.front().base_history, 1u);
  EXPECT_THAT(graph.targets.front().layers,
              ElementsAre(graph.targets.front().state));
}

TEST(LowerStageTest, GivesAPathToABaseWithoutOne) {
  Planner planner;
  planner.Image("docker.io/library/base:latest").env = {"A=1"};
  EXPECT_THAT(planner.Plan("FROM base\n").targets.front().config.env,
              ElementsAre("A=1",
                          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
                          "/usr/bin:/sbin:/bin"));
}

TEST(LowerStageTest, ScratchHasNoLayers) {
  Planner planner;
  BuildGraph graph = planner.Plan("FROM scratch\nENV a=1\n");
  EXPECT_THAT(graph.targets.front().layers, IsEmpty());
  EXPECT_EQ(graph.targets.front().base_history, 0u);
  EXPECT_THAT(NewHistory(graph), ElementsAre("ENV a=1"));
}

TEST(LowerStageTest, GoesOnWithTheStageItIsBasedOn) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base AS a\n"
      "ARG V=1\n"
      "ENV E=e\n"
      "RUN one\n"
      "FROM a\n"
      "RUN two $V\n");
  auto runs = OpsOf<RunOp>(graph);
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_THAT(runs[1].env, ElementsAre("PATH=/bin", "V=1", "E=e"));
  EXPECT_EQ(graph.targets.front().layers.size(), 3u);
  EXPECT_THAT(
      NewHistory(graph),
      ElementsAre("ARG V=1", "ENV E=e", "RUN |1 V=1 /bin/sh -c one # buildkit",
                  "RUN |1 V=1 /bin/sh -c two $V # buildkit"));
  // What ARG sets is no part of the image.
  EXPECT_THAT(graph.targets.front().config.env,
              ElementsAre("PATH=/bin", "E=e"));
}

TEST(LowerStageTest, NamesItsStepsAsBuildxDoes) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base AS builder\n"
      "ENV a=1\n"
      "WORKDIR /src\n"
      "RUN make \\\n  all\n"
      "FROM base\n"
      "COPY --from=builder /src/app /app\n");
  EXPECT_THAT(Names(graph),
              ElementsAre("[builder 1/3] FROM docker.io/library/base:latest",
                          "[builder 2/3] WORKDIR /src",
                          HasSubstr("[builder 3/3] RUN make"),
                          "[stage-1 2/2] COPY --from=builder /src/app /app"));
  EXPECT_EQ(graph.vertex(2).first_line, 4u);
  EXPECT_EQ(graph.vertex(2).last_line, 5u);
}

TEST(LowerStageTest, LeavesOutTheStageNameWhereThereIsOnlyOne) {
  Planner planner;
  EXPECT_THAT(
      Names(planner.Plan("FROM base\nRUN a\n")),
      ElementsAre("[1/2] FROM docker.io/library/base:latest", "[2/2] RUN a"));
}

TEST(LowerStageTest, MakesNoVertexOfAStageThatNobodyReaches) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base AS unused\nRUN never\nFROM base\nRUN once\n");
  auto runs = OpsOf<RunOp>(graph);
  ASSERT_EQ(runs.size(), 1u);
  EXPECT_THAT(runs[0].argv, ElementsAre("/bin/sh", "-c", "once"));
}

TEST(LowerStageTest, MakesNoVertexBehindTheTarget) {
  Planner planner;
  planner.options.target = "a";
  BuildGraph graph = planner.Plan("FROM base AS a\nRUN x\nFROM a\nRUN y\n");
  EXPECT_EQ(OpsOf<RunOp>(graph).size(), 1u);
}

TEST(LowerStageTest, SharesWhatTwoStagesDoAlike) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base AS a\nRUN same\nRUN other\n"
      "FROM base AS b\nRUN same\n"
      "FROM a\nCOPY --from=b /x /x\n");
  EXPECT_EQ(OpsOf<ImageOp>(graph).size(), 1u);
  EXPECT_EQ(OpsOf<RunOp>(graph).size(), 2u);
}

TEST(LowerStageTest, TellsEqualStepsOnDifferentStatesApart) {
  Planner planner;
  BuildGraph graph = planner.Plan("FROM base\nRUN same\nRUN same\n");
  EXPECT_EQ(OpsOf<RunOp>(graph).size(), 2u);
  EXPECT_EQ(graph.targets.front().layers.size(), 3u);
}

TEST(LowerStageTest, ExpandsInTheScopeBeforeTheInstruction) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base\n"
      "ENV abc=hello\n"
      "ENV abc=bye def=$abc\n"
      "ENV ghi=$abc\n");
  EXPECT_THAT(graph.targets.front().config.env,
              ElementsAre("PATH=/bin", "abc=bye", "def=hello", "ghi=bye"));
}

TEST(LowerStageTest, ExpandsKeysAndValuesOfLabels) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base\nARG v=1\nLABEL name.$v=\"a $v\" other=b\n");
  EXPECT_EQ(
      graph.targets.front().config.labels,
      (std::map<std::string, std::string>{{"name.1", "a 1"}, {"other", "b"}}));
  EXPECT_EQ(NewHistory(graph).back(), "LABEL name.1=a 1 other=b");
}

TEST(LowerStageTest, PutsTheCommandLinesLabelsLastAndIntoTheTargetOnly) {
  Planner planner;
  planner.options.labels = {{"a", "option"}, {"b", "option"}};
  BuildGraph graph = planner.Plan("FROM base\nLABEL a=file c=file\n");
  EXPECT_EQ(graph.targets.front().config.labels,
            (std::map<std::string, std::string>{
                {"a", "option"}, {"b", "option"}, {"c", "file"}}));
  EXPECT_THAT(NewHistory(graph), ElementsAre("LABEL a=file c=file"));
}

struct ArgCase {
  const char* name;
  const char* dockerfile;
  std::vector<std::pair<std::string, std::string>> build_args;
  const char* value;  // of V in the last RUN; null: unset
};
std::ostream& operator<<(std::ostream& out, const ArgCase& c) {
  return out << c.dockerfile;
}
class ArgTest : public ::testing::TestWithParam<ArgCase> {};

TEST_P(ArgTest, GivesTheRightValueToRun) {
  Planner planner;
  planner.SetBuildArgs(GetParam().build_args);
  BuildGraph graph = planner.Plan(GetParam().dockerfile);
  std::vector<RunOp> runs = OpsOf<RunOp>(graph);
  ASSERT_FALSE(runs.empty());
  std::optional<std::string> expected;
  if (GetParam().value != nullptr) expected = GetParam().value;
  EXPECT_EQ(oci::FindEnv(runs.back().env, "V"), expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, ArgTest,
    ::testing::Values(
        ArgCase{"Default", "FROM base\nARG V=d\nRUN x\n", {}, "d"},
        ArgCase{"Given", "FROM base\nARG V=d\nRUN x\n", {{"V", "g"}}, "g"},
        ArgCase{"GivenEmpty", "FROM base\nARG V=d\nRUN x\n", {{"V", ""}}, ""},
        ArgCase{"NotDeclared", "FROM base\nRUN x\n", {{"V", "g"}}, nullptr},
        ArgCase{"NoValueAnywhere", "FROM base\nARG V\nRUN x\n", {}, nullptr},
        ArgCase{"GlobalIsUnseen", "ARG V=1\nFROM base\nRUN x\n", {}, nullptr},
        ArgCase{
            "GlobalRedeclared", "ARG V=1\nFROM base\nARG V\nRUN x\n", {}, "1"},
        ArgCase{"StageDefaultBeatsGlobal",
                "ARG V=1\nFROM base\nARG V=2\nRUN x\n",
                {},
                "2"},
        ArgCase{"GivenBeatsBoth",
                "ARG V=1\nFROM base\nARG V=2\nRUN x\n",
                {{"V", "3"}},
                "3"},
        ArgCase{"GivenGlobal",
                "ARG V=1\nFROM base\nARG V\nRUN x\n",
                {{"V", "3"}},
                "3"},
        ArgCase{"EnvAfterArg", "FROM base\nARG V=a\nENV V=e\nRUN x\n", {}, "e"},
        ArgCase{"EnvAfterGivenArg",
                "FROM base\nARG V=a\nENV V=e\nRUN x\n",
                {{"V", "g"}},
                "e"},
        ArgCase{"ArgAfterEnv", "FROM base\nENV V=e\nARG V=a\nRUN x\n", {}, "a"},
        ArgCase{"ArgWithoutValueAfterEnv",
                "FROM base\nENV V=e\nARG V\nRUN x\n",
                {},
                "e"},
        ArgCase{"DefaultFromEnv",
                "FROM base\nENV E=e\nARG V=$E-1\nRUN x\n",
                {},
                "e-1"},
        ArgCase{
            "SeveralInOne", "FROM base\nARG A=1 V=${A}2\nRUN x\n", {}, "12"},
        ArgCase{"Platform",
                "FROM base\nARG TARGETARCH\nARG V=$TARGETARCH\nRUN x\n",
                {},
                "amd64"},
        ArgCase{"PlatformNeedsArg",
                "FROM base\nARG V=[$TARGETARCH]\nRUN x\n",
                {},
                "[]"},
        ArgCase{"SiblingStages",
                "FROM base AS a\nARG V=1\nRUN x\n"
                "FROM base\nCOPY --from=a /x /\nRUN y\n",
                {},
                nullptr},
        ArgCase{
            "ChildStage", "FROM base AS a\nARG V=1\nFROM a\nRUN y\n", {}, "1"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(LowerStageTest, NeverGivesTheScannersArgumentsToRun) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base\nARG BUILDKIT_SBOM_SCAN_STAGE=true\nRUN x\n");
  EXPECT_THAT(OpsOf<RunOp>(graph)[0].env, ElementsAre("PATH=/bin"));
}

TEST(LowerStageTest, WritesArgumentsToTheHistory) {
  Planner planner;
  planner.SetBuildArgs({{"B", "given"}});
  EXPECT_THAT(NewHistory(planner.Plan("FROM base\nARG A=1 B C\nARG A=2\n")),
              ElementsAre("ARG A=1 B=given C", "ARG A=2"));
}

TEST(LowerStageTest, KeepsCmdOfTheStageWhateverTheOrder) {
  for (const char* text : {"FROM base\nCMD [\"c\"]\nENTRYPOINT [\"e\"]\n",
                           "FROM base\nENTRYPOINT [\"e\"]\nCMD [\"c\"]\n"}) {
    Planner planner;
    planner.Image("docker.io/library/base:latest").cmd = {{"old"}};
    BuildGraph graph = planner.Plan(text);
    EXPECT_THAT(*graph.targets.front().config.cmd, ElementsAre("c")) << text;
    EXPECT_THAT(*graph.targets.front().config.entrypoint, ElementsAre("e"));
  }
}

TEST(LowerStageTest, EntrypointResetsTheCmdOfABaseStage) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base AS a\nCMD [\"c\"]\nFROM a\nENTRYPOINT [\"e\"]\n");
  EXPECT_FALSE(graph.targets.front().config.cmd.has_value());
}

TEST(LowerStageTest, ShellCountsForEveryShellFormBehindIt) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base\nRUN one\nSHELL [\"/bin/bash\", \"-c\"]\nRUN two\nCMD three\n"
      "HEALTHCHECK CMD four\n");
  auto runs = OpsOf<RunOp>(graph);
  EXPECT_THAT(runs[0].argv, ElementsAre("/bin/sh", "-c", "one"));
  EXPECT_THAT(runs[1].argv, ElementsAre("/bin/bash", "-c", "two"));
  EXPECT_THAT(*graph.targets.front().config.cmd,
              ElementsAre("/bin/bash", "-c", "three"));
  EXPECT_THAT(graph.targets.front().config.healthcheck->test,
              ElementsAre("CMD-SHELL", "four"));
}

TEST(LowerStageTest, SplitsExposeAfterExpansion) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base\nENV P=\"80 443/udp\"\nEXPOSE $P 22\n");
  EXPECT_THAT(graph.targets.front().config.exposed_ports,
              ElementsAre("22/tcp", "443/udp", "80/tcp"));
}

TEST(LowerStageTest, WorkdirMakesALayerButForTheRoot) {
  Planner planner;
  planner.Image("docker.io/library/base:latest").user = "app";
  BuildGraph graph = planner.Plan(
      "FROM base\nWORKDIR /a\nWORKDIR b/\nWORKDIR /\nENV D=x\nWORKDIR $D\n");
  auto dirs = OpsOf<MakeDirOp>(graph);
  ASSERT_EQ(dirs.size(), 3u);
  EXPECT_EQ(dirs[0].path, "/a");
  EXPECT_EQ(dirs[0].user, "app");
  EXPECT_EQ(dirs[1].path, "/a/b");
  EXPECT_EQ(dirs[2].path, "/x");
  EXPECT_EQ(graph.targets.front().config.working_dir, "/x");
  const auto& history = graph.targets.front().config.history;
  std::vector<std::string> layers;
  for (const oci::History& entry : history) {
    if (!entry.empty_layer) layers.push_back(entry.created_by);
  }
  EXPECT_THAT(layers, ElementsAre("base layer", "WORKDIR /a", "WORKDIR /a/b",
                                  "WORKDIR /x"));
}

TEST(LowerStageTest, RunsTriggersFirstAndNumbersThemAsSteps) {
  Planner planner;
  planner.Image("docker.io/library/base:latest").on_build = {
      "ENV T=1", "RUN trigger", "COPY src /src"};
  BuildGraph graph = planner.Plan("FROM base\nRUN own $T\n");
  EXPECT_THAT(Names(graph),
              ElementsAre("[1/4] FROM docker.io/library/base:latest",
                          "[2/4] RUN trigger", "[3/4] COPY src /src",
                          "[4/4] RUN own $T"));
  EXPECT_EQ(graph.vertex(1).first_line, 1u);
}

TEST(LowerStageTest, KeepsOnbuildOfItsOwnWithoutHistory) {
  Planner planner;
  BuildGraph graph = planner.Plan("FROM base\nONBUILD RUN a $X\n");
  EXPECT_THAT(graph.targets.front().config.on_build, ElementsAre("RUN a $X"));
  EXPECT_THAT(NewHistory(graph), IsEmpty());
}

TEST(LowerStageTest, AContextAsBaseIsACopyOfIt) {
  Planner planner;
  planner.options.named_contexts = {"files"};
  BuildGraph graph = planner.Plan("FROM files\nENV A=1\n");
  auto copies = OpsOf<CopyOp>(graph);
  ASSERT_EQ(copies.size(), 1u);
  EXPECT_EQ(copies[0].sources[0].context, "files");
  EXPECT_EQ(copies[0].destination, "/");
  EXPECT_EQ(graph.targets.front().layers.size(), 1u);
}

struct MistakeCase {
  const char* name;
  const char* instruction;
  const char* message;
};
std::ostream& operator<<(std::ostream& out, const MistakeCase& c) {
  return out << c.instruction;
}
class MistakeTest : public ::testing::TestWithParam<MistakeCase> {};

TEST_P(MistakeTest, IsReportedAtItsLine) {
  Planner planner;
  std::string failure = planner.Failure(
      std::string("FROM base\n\n") + GetParam().instruction + "\nENV ok=1\n");
  EXPECT_THAT(failure, HasSubstr(std::string("3: ") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, MistakeTest,
    ::testing::Values(
        MistakeCase{"BlankEnv", "ENV $unset=1", "ENV names can not be blank"},
        MistakeCase{"BlankLabel", "LABEL $unset=1",
                    "LABEL names can not be blank"},
        MistakeCase{"Port", "EXPOSE http", "invalid containerPort: http"},
        MistakeCase{"Signal", "STOPSIGNAL SIGNOPE", "Invalid signal: SIGNOPE"},
        MistakeCase{"EmptyVolume", "VOLUME $unset",
                    "VOLUME specified can not be an empty string"},
        MistakeCase{"RequiredVariable", "USER ${WHO:?is missing}",
                    "failed to process \"${WHO:?is missing}\": WHO: is "
                    "missing"},
        MistakeCase{"Substitution", "ENV A=${B^^}", "failed to process"},
        MistakeCase{"Insecure", "RUN --security=insecure x",
                    "security.insecure is not allowed"},
        MistakeCase{"CopyFromUrl", "COPY https://example.com/x /",
                    "source can't be a URL for COPY"},
        MistakeCase{"CopyFromGit", "COPY https://example.com/x.git /",
                    "source can't be a git ref for COPY"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(LowerStageTest, ReportsTheMistakesOfAllInstructions) {
  Planner planner;
  EXPECT_EQ(planner.Failure("FROM base\nEXPOSE http\nSTOPSIGNAL X\n"),
            "2: invalid containerPort: http\n3: Invalid signal: X\n");
}

TEST(LowerStageTest, WarnsOnceOfAVariableThatIsNotSet) {
  for (const char* instruction :
       {"ENV A=$NOPE", "COPY $NOPE /x/", "WORKDIR /$NOPE", "EXPOSE 8$NOPE",
        "COPY --chown=$NOPE a /x/"}) {
    Planner planner;
    planner.Plan(std::string("FROM base\n") + instruction + "\n");
    EXPECT_EQ(planner.Messages(),
              "2: UndefinedVar: Usage of undefined variable '$NOPE'\n")
        << instruction;
  }
}

TEST(LowerStageTest, SuggestsTheVariableThatWasMeant) {
  Planner planner;
  planner.Plan("FROM base\nARG VERSION=1\nENV A=$VERSOIN\n");
  EXPECT_THAT(planner.Messages(), HasSubstr("did you mean $VERSION?"));
}

TEST(LowerStageTest, WarnsOfASecretInArgAndEnv) {
  Planner planner;
  planner.Plan("FROM base\nARG API_TOKEN\nENV DB_PASSWORD=x\n");
  EXPECT_THAT(planner.Messages(),
              HasSubstr("2: SecretsUsedInArgOrEnv: Do not use ARG or ENV "
                        "instructions for sensitive data (ARG "
                        "\"API_TOKEN\")\n3: SecretsUsedInArgOrEnv"));
}

TEST(LowerStageTest, WarnsOfIgnoredFiles) {
  Planner planner;
  planner.options.is_ignored = [](const std::string& path) {
    return path == "secret";
  };
  planner.Plan("FROM base\nCOPY secret other /x/\n");
  EXPECT_EQ(planner.Messages(),
            "2: CopyIgnoredFile: Attempting to Copy file \"secret\" that is "
            "excluded by .dockerignore\n");
}

TEST(LowerStageTest, WarnsOfARelativeWorkdirUnlessOneWasAbsolute) {
  Planner planner;
  planner.Plan("FROM base\nWORKDIR a\nWORKDIR b\n");
  EXPECT_EQ(planner.Messages(),
            "2: WorkdirRelativePath: Relative workdir \"a\" can have "
            "unexpected results if the base image changes\n");
}

}  // namespace
}  // namespace strake::builder::plan
