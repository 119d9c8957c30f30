#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>
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
using Kind = RunMount::Kind;

// The mounts of a RUN with these options, in /work, beside a stage "tools".
std::vector<RunMount> Mounts(const std::string& options) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base AS tools\nRUN make tools\nFROM base\nWORKDIR /work\n"
      "ENV NAME=value\nRUN " +
      options + " true\n");
  std::vector<RunOp> runs = OpsOf<RunOp>(graph);
  EXPECT_FALSE(runs.empty()) << options;
  return runs.empty() ? std::vector<RunMount>() : runs.back().mounts;
}

RunMount Mount(const std::string& option) {
  std::vector<RunMount> mounts = Mounts("--mount=" + option);
  EXPECT_EQ(mounts.size(), 1u) << option;
  return mounts.empty() ? RunMount() : mounts[0];
}

TEST(LowerRunTest, TakesEnvironmentFolderAndUserAsTheyAreByThen) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base\nENV B=1\nARG A=2\nENV B=3\nUSER app:staff\nWORKDIR /w\n"
      "RUN x\nUSER other\n");
  RunOp run = OpsOf<RunOp>(graph).back();
  EXPECT_THAT(run.env, ElementsAre("PATH=/bin", "B=3", "A=2"));
  EXPECT_EQ(run.cwd, "/w");
  EXPECT_EQ(run.user, "app:staff");
  EXPECT_EQ(run.hostname, "buildkitsandbox");
}

TEST(LowerRunTest, RunsInTheRootByDefault) {
  Planner planner;
  RunOp run = OpsOf<RunOp>(planner.Plan("FROM base\nRUN x\n")).back();
  EXPECT_EQ(run.cwd, "/");
  EXPECT_EQ(run.user, "");
}

TEST(LowerRunTest, NeverExpandsTheCommand) {
  Planner planner;
  auto runs = OpsOf<RunOp>(
      planner.Plan("FROM base\nENV A=1\nRUN echo $A\nRUN [\"$A\", \"b c\"]\n"));
  EXPECT_THAT(runs[0].argv, ElementsAre("/bin/sh", "-c", "echo $A"));
  EXPECT_THAT(runs[1].argv, ElementsAre("$A", "b c"));
}

TEST(LowerRunTest, GivesProxiesBesideTheEnvironment) {
  Planner planner;
  planner.SetBuildArgs({{"HTTP_PROXY", "http://p"}});
  BuildGraph graph = planner.Plan("FROM base\nRUN x\n");
  RunOp run = OpsOf<RunOp>(graph).back();
  EXPECT_THAT(run.env, ElementsAre("PATH=/bin"));
  EXPECT_THAT(run.proxy_env,
              ElementsAre("HTTP_PROXY=http://p", "http_proxy=http://p"));
  EXPECT_THAT(NewHistory(graph), ElementsAre("RUN /bin/sh -c x # buildkit"));
}

TEST(LowerRunTest, ADeclaredProxyIsAnOrdinaryArgument) {
  Planner planner;
  planner.SetBuildArgs({{"HTTP_PROXY", "http://p"}});
  BuildGraph graph = planner.Plan("FROM base\nARG HTTP_PROXY\nRUN x\n");
  EXPECT_THAT(OpsOf<RunOp>(graph).back().env,
              ElementsAre("PATH=/bin", "HTTP_PROXY=http://p"));
  EXPECT_EQ(NewHistory(graph).back(),
            "RUN |1 HTTP_PROXY=http://p /bin/sh -c x # buildkit");
}

TEST(LowerRunTest, HistoryListsArgumentsOnceWithTheirEffectiveValues) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base\nARG A=1\nARG B\nARG A=2\nENV B=env\n"
      "RUN [\"echo\", \"a b\"]\n");
  EXPECT_EQ(NewHistory(graph).back(), "RUN |2 A=2 B=env echo a b # buildkit");
}

TEST(LowerRunTest, AHeredocAloneIsTheScript) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base\nENV A=1\nRUN <<EOF\necho $A\nmake\nEOF\n");
  RunOp run = OpsOf<RunOp>(graph).back();
  EXPECT_THAT(run.argv, ElementsAre("/bin/sh", "-c", "echo $A\nmake\n"));
  EXPECT_THAT(run.scripts, IsEmpty());
}

TEST(LowerRunTest, AHeredocWithAnInterpreterIsAFile) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base\nRUN <<EOF\n#!/usr/bin/env python3\nprint(1)\nEOF\n");
  RunOp run = OpsOf<RunOp>(graph).back();
  EXPECT_THAT(run.argv, ElementsAre("/bin/sh", "-c", "/dev/pipes/EOF"));
  ASSERT_EQ(run.scripts.size(), 1u);
  EXPECT_EQ(run.scripts[0].path, "/dev/pipes/EOF");
  EXPECT_EQ(run.scripts[0].content, "#!/usr/bin/env python3\nprint(1)\n");
}

TEST(LowerRunTest, AHeredocBesideACommandIsLeftToTheShell) {
  Planner planner;
  BuildGraph graph = planner.Plan("FROM base\nRUN cat <<A >/x\nbody\nA\n");
  EXPECT_THAT(OpsOf<RunOp>(graph).back().argv,
              ElementsAre("/bin/sh", "-c", "cat <<A >/x\nbody\nA"));
}

TEST(LowerRunTest, TakesTheNetworkOfTheInstructionElseOfTheBuild) {
  Planner planner;
  planner.options.network = RunOp::Network::kNone;
  auto runs = OpsOf<RunOp>(
      planner.Plan("FROM base\nRUN a\nRUN --network=host b\n"
                   "RUN --network=none c\nRUN --network=default d\n"));
  EXPECT_EQ(runs[0].network, RunOp::Network::kNone);
  EXPECT_EQ(runs[1].network, RunOp::Network::kHost);
  EXPECT_EQ(runs[2].network, RunOp::Network::kNone);
  EXPECT_EQ(runs[3].network, RunOp::Network::kNone);
}

TEST(LowerRunTest, TakesHostsAndTheHostname) {
  Planner planner;
  planner.options.extra_hosts = {{"db", "10.0.0.1"}};
  planner.SetBuildArgs({{"BUILDKIT_SANDBOX_HOSTNAME", "box"}});
  RunOp run = OpsOf<RunOp>(planner.Plan("FROM base\nRUN x\n")).back();
  EXPECT_EQ(run.hostname, "box");
  ASSERT_EQ(run.extra_hosts.size(), 1u);
  EXPECT_EQ(run.extra_hosts[0].first, "db");
}

TEST(LowerRunTest, AllowsInsecureStepsWhereTheBuildDoes) {
  Planner planner;
  planner.options.allow_insecure = true;
  auto runs = OpsOf<RunOp>(
      planner.Plan("FROM base\nRUN --security=insecure x\nRUN y\n"));
  EXPECT_TRUE(runs[0].insecure);
  EXPECT_FALSE(runs[1].insecure);
}

TEST(LowerRunTest, BindsTheBuildContextReadOnly) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base\nRUN --mount=target=/m,source=a/[x] true\n");
  const Vertex& vertex = graph.vertex(graph.targets.front().state);
  const RunMount& mount = std::get<RunOp>(vertex.op).mounts.at(0);
  EXPECT_EQ(mount.kind, Kind::kBind);
  EXPECT_TRUE(mount.read_only);
  EXPECT_EQ(mount.target, "/m");
  EXPECT_EQ(mount.source, "/a/[x]");
  EXPECT_EQ(mount.from, RunMount::From::kInput);
  ASSERT_EQ(mount.input, 1u);
  const Vertex& files = graph.vertex(vertex.inputs.at(1));
  const CopyOp& copy = std::get<CopyOp>(files.op);
  EXPECT_EQ(copy.sources.at(0).pattern, "a/\\[x]");
  EXPECT_TRUE(copy.parents);
  EXPECT_EQ(copy.destination, "/");
  // Files that are only looked at are no layer.
  EXPECT_THAT(graph.targets.front().layers,
              ElementsAre(0u, graph.targets.front().state));
}

TEST(LowerRunTest, BindsAStage) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base AS tools\nRUN make\nFROM base\n"
      "RUN --mount=type=bind,from=tools,source=out,target=t,rw true\n");
  const Vertex& vertex = graph.vertex(graph.targets.front().state);
  const RunMount& mount = std::get<RunOp>(vertex.op).mounts.at(0);
  EXPECT_FALSE(mount.read_only);
  EXPECT_EQ(mount.source, "/out");
  EXPECT_EQ(mount.target, "/t");
  EXPECT_TRUE(std::holds_alternative<RunOp>(
      graph.vertex(vertex.inputs.at(mount.input)).op));
}

TEST(LowerRunTest, BindsSeveralThings) {
  Planner planner;
  planner.options.named_contexts = {"src"};
  planner.Image("docker.io/library/tool:1");
  BuildGraph graph = planner.Plan(
      "FROM base AS tools\nRUN make\nFROM base\n"
      "RUN --mount=from=tools,target=/a --mount=from=src,target=/b "
      "--mount=from=tool:1,target=/c true\n");
  const Vertex& vertex = graph.vertex(graph.targets.front().state);
  const auto& mounts = std::get<RunOp>(vertex.op).mounts;
  ASSERT_EQ(mounts.size(), 3u);
  EXPECT_EQ(mounts[0].input, 1u);
  EXPECT_EQ(mounts[1].input, 2u);
  EXPECT_EQ(mounts[2].input, 3u);
  const CopyOp& files = std::get<CopyOp>(graph.vertex(vertex.inputs.at(2)).op);
  EXPECT_EQ(files.sources.at(0).context, "src");
  EXPECT_TRUE(
      std::holds_alternative<ImageOp>(graph.vertex(vertex.inputs.at(3)).op));
}

TEST(LowerRunTest, TargetsAreRelativeToTheWorkingFolder) {
  EXPECT_EQ(Mount("from=tools,target=sub/dir").target, "/work/sub/dir");
  EXPECT_EQ(Mount("type=cache,target=./c").target, "/work/c");
}

TEST(LowerRunTest, ExpandsValues) {
  EXPECT_EQ(Mount("type=cache,target=/c/$NAME,id=${NAME}-1").target,
            "/c/value");
  EXPECT_EQ(Mount("type=cache,target=/c,id=${NAME}-1").id, "value-1");
}

TEST(LowerRunTest, CachesDefaultToTheirTargetAndAreWritable) {
  RunMount mount = Mount("type=cache,target=/var/cache/");
  EXPECT_EQ(mount.kind, Kind::kCache);
  EXPECT_EQ(mount.id, "/var/cache");
  EXPECT_EQ(mount.target, "/var/cache");
  EXPECT_EQ(mount.mode, 0755u);
  EXPECT_FALSE(mount.read_only);
  EXPECT_EQ(mount.sharing, RunMount::Sharing::kShared);
  EXPECT_EQ(mount.from, RunMount::From::kNothing);
}

TEST(LowerRunTest, CachesTakeOptions) {
  RunMount mount = Mount(
      "type=cache,target=/c,id=x,sharing=locked,mode=0700,uid=1,gid=2,ro");
  EXPECT_EQ(mount.id, "x");
  EXPECT_EQ(mount.sharing, RunMount::Sharing::kLocked);
  EXPECT_EQ(mount.mode, 0700u);
  EXPECT_EQ(mount.uid, 1u);
  EXPECT_EQ(mount.gid, 2u);
  EXPECT_TRUE(mount.read_only);
}

TEST(LowerRunTest, CachesMayStartWithAStagesFiles) {
  RunMount mount = Mount("type=cache,target=/c,from=tools,source=/seed");
  EXPECT_EQ(mount.from, RunMount::From::kInput);
  EXPECT_EQ(mount.source, "/seed");
}

TEST(LowerRunTest, CachesLiveInTheNamespaceOfTheBuild) {
  Planner planner;
  planner.SetBuildArgs({{"BUILDKIT_CACHE_MOUNT_NS", "team"}});
  RunOp run =
      OpsOf<RunOp>(
          planner.Plan(
              "FROM base\nRUN --mount=type=cache,target=/c,id=x true\n"))
          .back();
  EXPECT_EQ(run.mounts.at(0).id, "team/x");
}

TEST(LowerRunTest, SecretsHaveDefaults) {
  RunMount plain = Mount("type=secret,id=token");
  EXPECT_EQ(plain.kind, Kind::kSecret);
  EXPECT_EQ(plain.target, "/run/secrets/token");
  EXPECT_EQ(plain.mode, 0400u);
  EXPECT_FALSE(plain.required);
  EXPECT_EQ(plain.env, "");
  RunMount by_source = Mount("type=secret,source=dir/token");
  EXPECT_EQ(by_source.id, "dir/token");
  EXPECT_EQ(by_source.target, "/run/secrets/token");
  RunMount by_target = Mount("type=secret,target=/etc/token,required");
  EXPECT_EQ(by_target.id, "token");
  EXPECT_TRUE(by_target.required);
}

TEST(LowerRunTest, SecretsInTheEnvironmentHaveNoFileUnlessAsked) {
  RunMount only_env = Mount("type=secret,id=token,env=TOKEN");
  EXPECT_EQ(only_env.env, "TOKEN");
  EXPECT_EQ(only_env.target, "");
  RunMount both = Mount("type=secret,id=token,env=TOKEN,target=/t");
  EXPECT_EQ(both.target, "/t");
}

TEST(LowerRunTest, SshSocketsAreNumberedAndTheFirstIsAnnounced) {
  Planner planner;
  RunOp run =
      OpsOf<RunOp>(
          planner.Plan(
              "FROM base\nRUN --mount=type=ssh --mount=type=ssh,id=x true\n"))
          .back();
  EXPECT_EQ(run.mounts.at(0).id, "default");
  EXPECT_EQ(run.mounts.at(0).target, "/run/buildkit/ssh_agent.0");
  EXPECT_EQ(run.mounts.at(1).target, "/run/buildkit/ssh_agent.1");
  EXPECT_EQ(oci::FindEnv(run.env, "SSH_AUTH_SOCK"),
            "/run/buildkit/ssh_agent.0");
}

TEST(LowerRunTest, TmpfsTakesASize) {
  RunMount mount = Mount("type=tmpfs,target=/t,size=64m");
  EXPECT_EQ(mount.kind, Kind::kTmpfs);
  EXPECT_EQ(mount.size_bytes, 64u << 20);
  EXPECT_FALSE(mount.read_only);
}

struct BadMountCase {
  const char* name;
  const char* option;
  const char* message;
};
std::ostream& operator<<(std::ostream& out, const BadMountCase& c) {
  return out << c.option;
}
class BadMountTest : public ::testing::TestWithParam<BadMountCase> {};

TEST_P(BadMountTest, IsReportedAtItsLine) {
  Planner planner;
  // The variable keeps the parser from judging it first.
  EXPECT_THAT(planner.Failure(std::string("FROM base\nENV E=\nRUN --mount=") +
                              GetParam().option + ",id=x$E true\n"),
              HasSubstr(std::string("3: ") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadMountTest,
    ::testing::Values(
        BadMountCase{"NoTarget", "type=cache", "--mount=type=cache"},
        BadMountCase{"RootTarget", "type=cache,target=/", "--mount=type=cache"},
        BadMountCase{"NoTmpfsTarget", "type=tmpfs", "--mount=type=tmpfs"},
        BadMountCase{"Type", "type=cach,target=/x",
                     "unsupported mount type \"cach\" (did you mean cache?)"},
        BadMountCase{"Mode", "type=cache,target=/x,mode=9",
                     "invalid value 9 for mode"},
        BadMountCase{"Size", "type=tmpfs,target=/x,size=lots",
                     "invalid value for size: lots"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(LowerRunTest, RefusesDevicesClearly) {
  Planner planner;
  EXPECT_THAT(planner.Failure("FROM base\nRUN --device=nvidia.com/gpu x\n"),
              HasSubstr("2: RUN --device=nvidia.com/gpu is not supported"));
}

}  // namespace
}  // namespace strake::builder::plan
