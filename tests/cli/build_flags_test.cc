#include "cli/build_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::cli {
namespace {

using builder::Output;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Pair;

Result<BuildRequest> Resolve(std::vector<std::string> words,
                             const Environment& environment = {}) {
  BuildFlags flags;
  OptionSet options;
  flags.Declare(options);
  auto parsed = options.Parse(words);
  if (!parsed) return std::move(parsed).error();
  return flags.Resolve(environment, parsed->arguments);
}

std::string ErrorOf(std::vector<std::string> words,
                    const Environment& environment = {}) {
  auto request = Resolve(std::move(words), environment);
  return request ? "no error" : request.error().message();
}

std::vector<Output::Kind> KindsOf(const BuildRequest& request) {
  std::vector<Output::Kind> kinds;
  for (const Output& output : request.options.outputs) {
    kinds.push_back(output.kind);
  }
  return kinds;
}

TEST(BuildFlagsTest, DefaultsAreBuildx) {
  auto request = Resolve({"."});
  ASSERT_TRUE(request) << request.error().message();
  const auto& options = request->options;
  EXPECT_EQ(options.context.path, ".");
  EXPECT_EQ(options.context.tar_fd, -1);
  EXPECT_EQ(options.dockerfile_path, "");
  EXPECT_THAT(options.tags, IsEmpty());
  EXPECT_THAT(options.outputs, IsEmpty());
  EXPECT_EQ(options.network, builder::NetworkMode::kHost);
  EXPECT_FALSE(options.no_cache);
  EXPECT_FALSE(options.pull);
  EXPECT_FALSE(request->quiet);
  EXPECT_EQ(request->progress, ProgressMode::kPlain);
}

TEST(BuildFlagsTest, PassesValuesOn) {
  Environment environment;
  environment.variables["FROM_ENV"] = "v";
  environment.variables["SOURCE_DATE_EPOCH"] = "12";
  auto request = Resolve({"-t",
                          "a:1",
                          "-t",
                          "b",
                          "-f",
                          "x/Dockerfile",
                          "--target",
                          "stage",
                          "--build-arg",
                          "A=1",
                          "--build-arg",
                          "FROM_ENV",
                          "--build-arg",
                          "UNSET",
                          "--label",
                          "l=m",
                          "--network",
                          "none",
                          "--add-host",
                          "h:1.2.3.4",
                          "--no-cache",
                          "--no-cache-filter",
                          "one,two",
                          "--no-cache-filter",
                          "3",
                          "--pull",
                          "--jobs",
                          "3",
                          "--snapshotter",
                          "plain",
                          "ctx"},
                         environment);
  ASSERT_TRUE(request) << request.error().message();
  const auto& options = request->options;
  EXPECT_THAT(options.tags, ElementsAre("a:1", "b"));
  EXPECT_EQ(options.dockerfile_path, "x/Dockerfile");
  EXPECT_EQ(options.target, "stage");
  EXPECT_THAT(options.build_args,
              ElementsAre(Pair("A", "1"), Pair("FROM_ENV", "v")));
  EXPECT_THAT(options.labels, ElementsAre(Pair("l", "m")));
  EXPECT_EQ(options.network, builder::NetworkMode::kNone);
  EXPECT_THAT(options.extra_hosts, ElementsAre(Pair("h", "1.2.3.4")));
  EXPECT_TRUE(options.no_cache);
  EXPECT_FALSE(options.explain);
  EXPECT_THAT(options.no_cache_stages, ElementsAre("one", "two", "3"));
  EXPECT_TRUE(options.pull);
  EXPECT_EQ(options.jobs, 3);
  EXPECT_EQ(options.snapshotter, "plain");
  EXPECT_EQ(options.source_date_epoch, 12);
}

TEST(BuildFlagsTest, ExplainsInTheLogAndInAFile) {
  auto in_log = Resolve({"--explain", "."});
  ASSERT_TRUE(in_log) << in_log.error().message();
  EXPECT_TRUE(in_log->options.explain);
  EXPECT_EQ(in_log->explain_file, "");
  auto in_file = Resolve({"--explain=why.json", "."});
  ASSERT_TRUE(in_file);
  EXPECT_TRUE(in_file->options.explain);
  EXPECT_EQ(in_file->explain_file, "why.json");
}

TEST(BuildFlagsTest, StandardInputIsContextOrDockerfileButNotBoth) {
  auto context = Resolve({"-"});
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->context_from_stdin);
  EXPECT_EQ(context->options.context.path, "");
  auto dockerfile = Resolve({"-f", "-", "."});
  ASSERT_TRUE(dockerfile);
  EXPECT_TRUE(dockerfile->dockerfile_from_stdin);
  EXPECT_EQ(dockerfile->options.dockerfile_path, "");
  EXPECT_THAT(ErrorOf({"-f", "-", "-"}), HasSubstr("both read standard input"));
}

TEST(BuildFlagsTest, PushAndLoadAreOutputs) {
  EXPECT_THAT(KindsOf(*Resolve({"--push", "-t", "a", "."})),
              ElementsAre(Output::Kind::kRegistry));
  EXPECT_THAT(KindsOf(*Resolve({"--push", "--load", "-t", "a", "."})),
              ElementsAre(Output::Kind::kRegistry, Output::Kind::kStore));
  EXPECT_THAT(KindsOf(*Resolve({"--push", "-o", "type=registry,name=a", "."})),
              ElementsAre(Output::Kind::kRegistry));
  EXPECT_THAT(KindsOf(*Resolve({"--load", "-o", "out", "."})),
              ElementsAre(Output::Kind::kLocal, Output::Kind::kStore));
  EXPECT_THAT(ErrorOf({"--push", "."}), HasSubstr("give it with --tag"));
}

TEST(BuildFlagsTest, RefusesATarToATerminal) {
  Environment terminal;
  terminal.stdout_is_terminal = true;
  EXPECT_THAT(ErrorOf({"-o", "-", "."}, terminal), HasSubstr("terminal"));
  EXPECT_THAT(ErrorOf({"-o", "type=oci", "."}, terminal),
              HasSubstr("terminal"));
  EXPECT_TRUE(Resolve({"-o", "type=oci,dest=x.tar", "."}, terminal));
  EXPECT_TRUE(Resolve({"-o", "-", "."})->writes_stdout);
  EXPECT_THAT(ErrorOf({"-o", "-", "-o", "type=docker", "."}),
              HasSubstr("two outputs"));
}

TEST(BuildFlagsTest, ChoosesTheProgressDisplay) {
  Environment terminal;
  terminal.stderr_is_terminal = true;
  terminal.variables["TERM"] = "xterm";
  EXPECT_EQ(Resolve({"."}, terminal)->progress, ProgressMode::kTty);
  EXPECT_EQ(Resolve({"--progress=plain", "."}, terminal)->progress,
            ProgressMode::kPlain);
  EXPECT_EQ(Resolve({"--progress=rawjson", "."})->progress,
            ProgressMode::kRawJson);
  EXPECT_THAT(ErrorOf({"--progress", "tty", "."}), HasSubstr("not a terminal"));
  terminal.variables["BUILDKIT_PROGRESS"] = "rawjson";
  EXPECT_EQ(Resolve({"."}, terminal)->progress, ProgressMode::kRawJson);
  EXPECT_EQ(Resolve({"--progress=auto", "."}, terminal)->progress,
            ProgressMode::kTty);
  terminal.variables["TERM"] = "dumb";
  EXPECT_EQ(Resolve({"--progress=auto", "."}, terminal)->progress,
            ProgressMode::kPlain);
}

TEST(BuildFlagsTest, QuietIsOneThingHoweverItIsSaid) {
  EXPECT_TRUE(Resolve({"-q", "."})->quiet);
  EXPECT_TRUE(Resolve({"--progress=quiet", "."})->quiet);
  EXPECT_EQ(Resolve({"-q", "--progress=plain", "."})->progress,
            ProgressMode::kQuiet);
}

TEST(BuildFlagsTest, AttestationsMayBeTurnedOff) {
  EXPECT_TRUE(Resolve({"--provenance=false", "--sbom=false", "."}));
  EXPECT_THAT(ErrorOf({"--provenance=mode=max", "."}),
              HasSubstr("not supported yet"));
  EXPECT_THAT(ErrorOf({"--sbom", "."}), HasSubstr("not supported yet"));
}

TEST(BuildFlagsTest, EveryBuildxOptionIsKnownOrRefused) {
  for (const char* option : {"--attest", "--builder", "--cgroup-parent",
                             "--shm-size", "--ulimit", "--memory"}) {
    EXPECT_THAT(ErrorOf({option, "x", "."}), HasSubstr("is not supported yet"))
        << option;
  }
  EXPECT_THAT(ErrorOf({"--compress", "."}), HasSubstr("is not supported yet"));
  EXPECT_THAT(ErrorOf({"--isolation", "jail", "."}), HasSubstr("unknown"));
}

TEST(BuildFlagsTest, CallsAreQuestionsAboutTheDockerfile) {
  using Call = BuildRequest::Call;
  EXPECT_EQ(Resolve({"."})->call, Call::kBuild);
  EXPECT_EQ(Resolve({"--check", "."})->call, Call::kCheck);
  EXPECT_EQ(Resolve({"--call=lint", "."})->call, Call::kCheck);
  auto json = Resolve({"--call", "targets,format=json", "."});
  ASSERT_TRUE(json) << json.error().message();
  EXPECT_EQ(json->call, Call::kTargets);
  EXPECT_TRUE(json->call_json);
  EXPECT_THAT(ErrorOf({"--call=outlin", "."}),
              HasSubstr("did you mean outline?"));
  EXPECT_THAT(ErrorOf({"--call=check,format=xml", "."}),
              HasSubstr("format=json"));
}

TEST(BuildFlagsTest, InsecureStepsNeedToBeAllowed) {
  EXPECT_FALSE(Resolve({"."})->options.allow_insecure);
  EXPECT_TRUE(
      Resolve({"--allow", "security.insecure", "."})->options.allow_insecure);
  EXPECT_TRUE(Resolve({"--allow=network.host", "."}));
  EXPECT_FALSE(Resolve({"--allow=device", "."}));
}

TEST(BuildFlagsTest, TellsRemoteContextsFromFolders) {
  for (const char* context :
       {"https://example.com/a.git", "git@host:a/b", "github.com/a/b",
        "https://example.com/a.tar.gz", "oci://registry.example/a:1"}) {
    auto request = Resolve({context});
    ASSERT_TRUE(request) << context;
    EXPECT_EQ(request->options.context.remote, context);
    EXPECT_EQ(request->options.context.path, "");
  }
  EXPECT_EQ(Resolve({"."})->options.context.remote, "");
  EXPECT_THAT(ErrorOf({"docker-image://debian"}), HasSubstr("--build-context"));
}

TEST(BuildFlagsTest, RefusesBadNames) {
  EXPECT_THAT(ErrorOf({"-t", "UPPER", "."}), HasSubstr("--tag \"UPPER\""));
}

}  // namespace
}  // namespace strake::cli
