// Configurations and history texts, to the letter of what BuildKit writes.
#include "builder/plan/update_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace strake::builder::plan {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The history entry of the last instruction, which has no layer.
std::string LastHistory(const oci::ImageConfig& config) {
  if (config.history.empty()) return "(none)";
  const oci::History& entry = config.history.back();
  EXPECT_TRUE(entry.empty_layer);
  EXPECT_EQ(entry.comment, "buildkit.dockerfile.v0");
  EXPECT_EQ(entry.created, std::nullopt);
  return entry.created_by;
}

TEST(UpdateConfigTest, StartsScratchWithRootAndAPath) {
  oci::ImageConfig config = ScratchConfig({"linux", "arm64", "", "", {}});
  EXPECT_EQ(config.working_dir, "/");
  EXPECT_THAT(config.env,
              ElementsAre("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:"
                          "/usr/bin:/sbin:/bin"));
  EXPECT_EQ(config.platform.architecture, "arm64");
  EXPECT_TRUE(config.history.empty());
}

TEST(UpdateConfigTest, EnvReplacesInPlace) {
  oci::ImageConfig config;
  config.env = {"A=1", "B=2"};
  ApplyEnv(config, {{"A", "x y"}, {"C", ""}});
  EXPECT_THAT(config.env, ElementsAre("A=x y", "B=2", "C="));
  EXPECT_EQ(LastHistory(config), "ENV A=x y C=");
}

TEST(UpdateConfigTest, LabelsReplaceEarlierOnes) {
  oci::ImageConfig config;
  config.labels = {{"a", "1"}, {"b", "2"}};
  ApplyLabels(config, {{"a", "x y"}, {"c", "3"}});
  EXPECT_EQ(config.labels, (std::map<std::string, std::string>{
                               {"a", "x y"}, {"b", "2"}, {"c", "3"}}));
  EXPECT_EQ(LastHistory(config), "LABEL a=x y c=3");
}

TEST(UpdateConfigTest, UserIsKeptAsWritten) {
  oci::ImageConfig config;
  ApplyUser(config, "app:1000");
  EXPECT_EQ(config.user, "app:1000");
  EXPECT_EQ(LastHistory(config), "USER app:1000");
}

TEST(UpdateConfigTest, VolumesAddUp) {
  oci::ImageConfig config;
  config.volumes = {"/data"};
  ApplyVolumes(config, {"/b", "/a"});
  EXPECT_THAT(config.volumes, ElementsAre("/a", "/b", "/data"));
  EXPECT_EQ(LastHistory(config), "VOLUME [/b /a]");
}

TEST(UpdateConfigTest, MaintainerIsTheAuthor) {
  oci::ImageConfig config;
  ApplyMaintainer(config, "A B <a@b>");
  EXPECT_EQ(config.author, "A B <a@b>");
  EXPECT_EQ(LastHistory(config), "MAINTAINER A B <a@b>");
}

TEST(UpdateConfigTest, ShellIsKept) {
  oci::ImageConfig config;
  ApplyShell(config, {"/bin/bash", "-c"});
  EXPECT_THAT(*config.shell, ElementsAre("/bin/bash", "-c"));
  EXPECT_EQ(LastHistory(config), "SHELL [/bin/bash -c]");
}

TEST(UpdateConfigTest, CmdInShellFormGoesToTheShell) {
  oci::ImageConfig config;
  ApplyCmd(config, {{"echo \"hi\""}, true});
  EXPECT_THAT(*config.cmd, ElementsAre("/bin/sh", "-c", "echo \"hi\""));
  EXPECT_TRUE(config.args_escaped);
  EXPECT_EQ(LastHistory(config), R"(CMD ["/bin/sh" "-c" "echo \"hi\""])");
}

TEST(UpdateConfigTest, CmdUsesTheConfiguredShell) {
  oci::ImageConfig config;
  config.shell = {{"/bin/bash", "-eo", "pipefail", "-c"}};
  ApplyCmd(config, {{"x"}, true});
  EXPECT_THAT(*config.cmd,
              ElementsAre("/bin/bash", "-eo", "pipefail", "-c", "x"));
}

TEST(UpdateConfigTest, CmdInExecFormIsTakenAsItIs) {
  oci::ImageConfig config;
  config.shell = {{"/bin/bash", "-c"}};
  ApplyCmd(config, {{"a", "b c"}, false});
  EXPECT_THAT(*config.cmd, ElementsAre("a", "b c"));
  EXPECT_EQ(LastHistory(config), R"(CMD ["a" "b c"])");
}

TEST(UpdateConfigTest, EmptyCmdIsAnEmptyListNotAnAbsentOne) {
  oci::ImageConfig config;
  config.cmd = {{"old"}};
  ApplyCmd(config, {{}, false});
  ASSERT_TRUE(config.cmd.has_value());
  EXPECT_TRUE(config.cmd->empty());
  EXPECT_EQ(LastHistory(config), "CMD []");
}

TEST(UpdateConfigTest, EntrypointResetsAnInheritedCmd) {
  oci::ImageConfig config;
  config.cmd = {{"inherited"}};
  ApplyEntrypoint(config, {{"/app", "-v"}, false}, false);
  EXPECT_THAT(*config.entrypoint, ElementsAre("/app", "-v"));
  EXPECT_FALSE(config.cmd.has_value());
  EXPECT_EQ(LastHistory(config), R"(ENTRYPOINT ["/app" "-v"])");
}

TEST(UpdateConfigTest, EntrypointKeepsTheStagesOwnCmd) {
  oci::ImageConfig config;
  config.cmd = {{"own"}};
  ApplyEntrypoint(config, {{"/app"}, false}, true);
  EXPECT_THAT(*config.cmd, ElementsAre("own"));
}

TEST(UpdateConfigTest, EmptyEntrypointIsNone) {
  oci::ImageConfig config;
  config.entrypoint = {{"old"}};
  ApplyEntrypoint(config, {{}, false}, false);
  EXPECT_FALSE(config.entrypoint.has_value());
  EXPECT_EQ(LastHistory(config), "ENTRYPOINT []");
}

TEST(UpdateConfigTest, WindowsHasItsOwnShell) {
  oci::ImageConfig config;
  config.platform.os = "windows";
  EXPECT_THAT(WithShell(config, {{"dir"}, true}),
              ElementsAre("cmd", "/S", "/C", "dir"));
}

struct HealthcheckCase {
  const char* name;
  oci::HealthCheck check;
  const char* history;
};
class HealthcheckHistoryTest
    : public ::testing::TestWithParam<HealthcheckCase> {};

TEST_P(HealthcheckHistoryTest, IsGosFormat) {
  oci::ImageConfig config;
  ApplyHealthcheck(config, GetParam().check);
  EXPECT_EQ(config.healthcheck, GetParam().check);
  EXPECT_EQ(LastHistory(config), GetParam().history);
}

oci::HealthCheck Check(std::vector<std::string> test,
                       std::chrono::nanoseconds interval = 0ns,
                       std::chrono::nanoseconds timeout = 0ns,
                       int64_t retries = 0) {
  oci::HealthCheck check;
  check.test = std::move(test);
  check.interval = interval;
  check.timeout = timeout;
  check.retries = retries;
  return check;
}

INSTANTIATE_TEST_SUITE_P(
    All, HealthcheckHistoryTest,
    ::testing::Values(
        HealthcheckCase{"None", Check({"NONE"}),
                        "HEALTHCHECK {Test:[NONE] Interval:0s Timeout:0s "
                        "StartPeriod:0s StartInterval:0s Retries:0}"},
        HealthcheckCase{
            "Shell", Check({"CMD-SHELL", "curl -f /"}, 5min, 3s, 3),
            "HEALTHCHECK {Test:[CMD-SHELL curl -f /] Interval:5m0s Timeout:3s "
            "StartPeriod:0s StartInterval:0s Retries:3}"},
        HealthcheckCase{"HoursAndFractions",
                        Check({"CMD", "x"}, 1h + 30s, 1500ms),
                        "HEALTHCHECK {Test:[CMD x] Interval:1h0m30s "
                        "Timeout:1.5s StartPeriod:0s StartInterval:0s "
                        "Retries:0}"},
        HealthcheckCase{"SmallUnits", Check({"CMD", "x"}, 250ms, 1001us),
                        "HEALTHCHECK {Test:[CMD x] Interval:250ms "
                        "Timeout:1.001ms StartPeriod:0s StartInterval:0s "
                        "Retries:0}"}),
    [](const auto& info) { return std::string(info.param.name); });

struct ExposeCase {
  const char* name;
  std::vector<std::string> ports;
  const char* history;
};
class ExposeTest : public ::testing::TestWithParam<ExposeCase> {};

TEST_P(ExposeTest, NormalisesAndSorts) {
  oci::ImageConfig config;
  auto applied = ApplyExpose(config, GetParam().ports);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_EQ(LastHistory(config), GetParam().history);
}

INSTANTIATE_TEST_SUITE_P(
    All, ExposeTest,
    ::testing::Values(
        ExposeCase{"DefaultIsTcp", {"80"}, "EXPOSE [80/tcp]"},
        ExposeCase{"ProtocolInAnyCase", {"53/UDP"}, "EXPOSE [53/udp]"},
        ExposeCase{"Sctp", {"1/sctp"}, "EXPOSE [1/sctp]"},
        ExposeCase{"SortedAsText",
                   {"2375/tcp", "1234/udp"},
                   "EXPOSE [1234/udp 2375/tcp]"},
        ExposeCase{
            "Range", {"8000-8002/udp"}, "EXPOSE [8000/udp 8001/udp 8002/udp]"},
        ExposeCase{"RangeOfOne", {"80-80"}, "EXPOSE [80/tcp]"},
        ExposeCase{"TwiceIsOnce", {"80", "80/tcp"}, "EXPOSE [80/tcp]"},
        ExposeCase{"HostPortIsDropped", {"8080:80"}, "EXPOSE [80/tcp]"},
        ExposeCase{
            "AddressIsDropped", {"127.0.0.1:80:8080"}, "EXPOSE [8080/tcp]"},
        ExposeCase{"BothEnds", {"0", "65535"}, "EXPOSE [0/tcp 65535/tcp]"}),
    [](const auto& info) { return std::string(info.param.name); });

class BadExposeTest : public ::testing::TestWithParam<ExposeCase> {};

TEST_P(BadExposeTest, IsAnErrorAndChangesNothing) {
  oci::ImageConfig config;
  auto applied = ApplyExpose(config, GetParam().ports);
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(applied.error().message(), HasSubstr(GetParam().history));
  EXPECT_EQ(config, oci::ImageConfig());
}

INSTANTIATE_TEST_SUITE_P(
    All, BadExposeTest,
    ::testing::Values(
        ExposeCase{"NotANumber", {"80", "http"}, "invalid containerPort: http"},
        ExposeCase{"TooLarge", {"65536"}, "invalid containerPort: 65536"},
        ExposeCase{"Negative", {"-1"}, "invalid containerPort: -1"},
        ExposeCase{"Backwards", {"90-80"}, "invalid containerPort: 90-80"},
        ExposeCase{"OpenEnd", {"80-"}, "invalid containerPort: 80-"},
        ExposeCase{"Protocol", {"80/http"}, "invalid proto: http"},
        ExposeCase{"Empty", {"/tcp"}, "no port specified"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(UpdateConfigTest, ExposeAddsToTheBasesPorts) {
  oci::ImageConfig config;
  config.exposed_ports = {"22/tcp"};
  ASSERT_TRUE(ApplyExpose(config, {"80"}));
  EXPECT_THAT(config.exposed_ports, ElementsAre("22/tcp", "80/tcp"));
}

TEST(UpdateConfigTest, TakesEverySpellingOfASignal) {
  for (const char* signal :
       {"SIGTERM", "TERM", "sigterm", "15", "9", "SIGRTMIN+3", "RTMAX-2",
        "SIGRTMIN", "64", "SIGQUIT", "SIGUSR1"}) {
    oci::ImageConfig config;
    EXPECT_TRUE(ApplyStopSignal(config, signal)) << signal;
    EXPECT_EQ(config.stop_signal, signal);
    EXPECT_EQ(LastHistory(config), std::string("STOPSIGNAL ") + signal);
  }
}

TEST(UpdateConfigTest, RefusesWhatIsNoSignal) {
  for (const char* signal : {"SIGNOPE", "0", "65", "-1", "", "SIG", "RTMIN+16",
                             "RTMAX-15", "SIGRTMIN+", "TERM "}) {
    oci::ImageConfig config;
    auto applied = ApplyStopSignal(config, signal);
    ASSERT_FALSE(applied) << signal;
    EXPECT_EQ(applied.error().message(),
              std::string("Invalid signal: ") + signal);
    EXPECT_EQ(config, oci::ImageConfig());
  }
}

TEST(UpdateConfigTest, WorkdirsAreJoinedAndCleaned) {
  struct Case {
    const char* from;
    const char* path;
    const char* expected;
  };
  for (const Case& c :
       {Case{"", "a", "/a"}, Case{"/", "a/", "/a"}, Case{"/a", "b", "/a/b"},
        Case{"/a", "/b//c/.", "/b/c"}, Case{"/a/b", "..", "/a"},
        Case{"/a", "../../..", "/"}, Case{"/a", "~", "/a/~"},
        Case{"/a", ".", "/a"}, Case{"/a", "with space", "/a/with space"}}) {
    oci::ImageConfig config;
    config.working_dir = c.from;
    EXPECT_EQ(ResolveWorkdir(config, c.path), c.expected)
        << c.from << " then " << c.path;
  }
}

TEST(UpdateConfigTest, HistoryMarksEntriesWithLayer) {
  oci::ImageConfig config;
  AddHistory(config, "RUN x # buildkit", HasLayer::kYes);
  EXPECT_FALSE(config.history.back().empty_layer);
  EXPECT_EQ(config.history.back().comment, "buildkit.dockerfile.v0");
}

}  // namespace
}  // namespace strake::builder::plan
