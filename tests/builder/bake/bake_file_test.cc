#include "builder/bake/bake_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/expect_result.h"

namespace strake::builder::bake {
namespace {

using ::strake::testing::FailsWith;
using ::testing::ElementsAre;

std::optional<std::string> Find(std::string_view name) {
  const std::map<std::string, std::string, std::less<>> variables = {
      {"A", "a"}, {"EMPTY", ""}};
  auto found = variables.find(name);
  if (found == variables.end()) return {};
  return found->second;
}

TEST(InterpolateComposeTest, KnowsEveryForm) {
  const std::pair<const char*, const char*> cases[] = {
      {"x$A-${A}", "xa-a"},
      {"$$A", "$A"},
      {"${NO}", ""},
      {"${NO-d}", "d"},
      {"${EMPTY-d}", ""},
      {"${EMPTY:-d}", "d"},
      {"${A:+s}", "s"},
      {"${EMPTY:+s}", ""},
      {"${EMPTY+s}", "s"},
      {"${NO:-${A}b}", "ab"},
      {"${A:?must}", "a"},
      {"100%", "100%"},
      {"${NO:-a}b${NO:-c}", "abc"},
  };
  for (const auto& [text, expected] : cases) {
    auto result = InterpolateCompose(text, Find);
    ASSERT_TRUE(result) << text << ": " << result.error().message();
    EXPECT_EQ(*result, expected) << text;
  }
  EXPECT_TRUE(FailsWith(InterpolateCompose("${NO?must be}", Find),
                        ErrorCode::kInvalidArgument,
                        "NO is required: must be"));
  EXPECT_TRUE(FailsWith(InterpolateCompose("${A", Find),
                        ErrorCode::kInvalidArgument, "is not closed"));
  EXPECT_TRUE(FailsWith(InterpolateCompose("5 $", Find),
                        ErrorCode::kInvalidArgument, "write $$"));
}

TEST(InterpolateHclTest, KnowsVariablesOnly) {
  EXPECT_EQ(InterpolateHcl("x${A}$${A} $A", Find).value(), "xa${A} $A");
  EXPECT_TRUE(FailsWith(InterpolateHcl("${NO}", Find),
                        ErrorCode::kInvalidArgument, "there is no variable"));
  EXPECT_TRUE(FailsWith(InterpolateHcl("${A == \"a\" ? 1 : 2}", Find),
                        ErrorCode::kUnsupported, "more than a variable"));
}

TEST(ParseEnvFileTest, ReadsWhatComposeReads) {
  auto variables = ParseEnvFile(
      "A=1\n# no\n export B = two words # comment\nC=\"x # "
      "y\"\nD='z'\nE=\nF\n");
  EXPECT_EQ(variables, (std::map<std::string, std::string>{{"A", "1"},
                                                           {"B", "two words"},
                                                           {"C", "x # y"},
                                                           {"D", "z"},
                                                           {"E", ""}}));
}

TEST(ParseBakeJsonTest, TakesWhatBakePrints) {
  auto file = ParseBakeJson(
      R"({"group": {"default": {"targets": ["a"]}},
          "target": {"a": {
            "output": [{"type": "oci", "dest": "a,b"}],
            "ssh": [{"id": "default", "paths": ["/s"]}],
            "cache-from": [{"type": "registry", "ref": "r"}]}}})",
      "f.json", Find);
  ASSERT_TRUE(file) << file.error().message();
  const Target& target = file->targets.at("a");
  EXPECT_THAT(target.lists.at("output"), ElementsAre("type=oci,\"dest=a,b\""));
  EXPECT_THAT(target.lists.at("ssh"), ElementsAre("id=default,paths=/s"));
  EXPECT_THAT(target.lists.at("cache-from"),
              ElementsAre("type=registry,ref=r"));
}

TEST(ParseBakeJsonTest, NamesTheLine) {
  EXPECT_TRUE(FailsWith(ParseBakeJson("{\n\t\"tarket\": {}\n}", "f.json", Find),
                        ErrorCode::kInvalidArgument, "f.json:2: unknown key"));
  EXPECT_TRUE(FailsWith(ParseBakeJson("{\"a\" 1}", "f.json", Find),
                        ErrorCode::kInvalidArgument, "f.json"));
  EXPECT_TRUE(FailsWith(
      ParseBakeJson("{\"target\": {\"a\": {\"args\": 1}}}", "f.json", Find),
      ErrorCode::kInvalidArgument, "f.json:1: expected names with values"));
}

constexpr char kInherited[] = R"({"target": {
    "base": {"cache-from": ["x"], "tags": ["a:1"], "args": {"A": "1"}},
    "app": {"inherits": ["base"], "cache-from": ["z"]}}})";

// The target "app" of kInherited, with `--set`.
Result<Target> AppWith(const std::vector<std::string>& overrides) {
  auto file = ParseBakeJson(kInherited, "f.json", Find);
  if (!file) return file.error();
  auto selection = SelectTargets(*file, {"app"}, overrides);
  if (!selection) return selection.error();
  return selection->targets.back();
}

TEST(SelectTargetsTest, OverridesWhatIsInherited) {
  EXPECT_THAT(AppWith({"app.cache-from=y"})->lists.at("cache-from"),
              ElementsAre("y"));
  EXPECT_THAT(AppWith({"app.tags+=b:2"})->lists.at("tags"),
              ElementsAre("a:1", "b:2"));
  EXPECT_THAT(AppWith({"*.tags=b:2", "*.tags=c:3"})->lists.at("tags"),
              ElementsAre("b:2", "c:3"));
  EXPECT_THAT(AppWith({"*.tags+=b:2"})->lists.at("tags"),
              ElementsAre("a:1", "b:2"));
  EXPECT_EQ(AppWith({"base.args.A=2"})->maps.at("args").at("A"), "2");
  EXPECT_EQ(AppWith({"base.args.A=2", "a*.args.A=3"})->maps.at("args").at("A"),
            "3");
}

TEST(SelectTargetsTest, TakesFlagsAsTheFileDoes) {
  EXPECT_EQ(AppWith({"app.no-cache=1"})->values.at("no-cache"), "true");
  EXPECT_EQ(AppWith({"app.pull=TRUE"})->values.at("pull"), "true");
  EXPECT_EQ(AppWith({"*.pull=False"})->values.at("pull"), "false");
  for (const char* wrong : {"app.no-cache=yes", "app.pull=", "app.pull+=1"}) {
    EXPECT_TRUE(FailsWith(AppWith({wrong}), ErrorCode::kInvalidArgument,
                          std::string("--set \"") + wrong + "\": "))
        << wrong;
  }
  EXPECT_TRUE(FailsWith(AppWith({"app.no-cache=yes"}),
                        ErrorCode::kInvalidArgument,
                        "expected true or false, found \"yes\""));
}

TEST(ParseBakeJsonTest, ReadsEveryEscape) {
  auto file = ParseBakeJson(
      "{\n\"target\": {\"a\": {\"args\": {\n"
      "\"smile\": \"\\ud83d\\uDE00!\", \"plain\": \"\\\\ud83d \\/ \\u00e9 "
      "\\\"\","
      "\"\\ud834\\udd1e\": \"\\b\\f\\t\"}}}}",
      "f.json", Find);
  ASSERT_TRUE(file) << file.error().message();
  const auto& args = file->targets.at("a").maps.at("args");
  EXPECT_EQ(args.at("smile"), "\xF0\x9F\x98\x80!");
  EXPECT_EQ(args.at("plain"), "\\ud83d / \xC3\xA9 \"");
  EXPECT_EQ(args.at("\xF0\x9D\x84\x9E"), "\b\f\t");
  EXPECT_TRUE(
      FailsWith(ParseBakeJson("{\n\"variable\": {\"a\": {\"default\": "
                              "\"\\ud83d\\ude00\"}},\n\"tarket\": {}\n}",
                              "f.json", Find),
                ErrorCode::kInvalidArgument, "f.json:3: unknown key"));
  EXPECT_TRUE(FailsWith(ParseBakeJson("{\"a\": \"\\ud83d\"}", "f.json", Find),
                        ErrorCode::kInvalidArgument, "f.json"));
}

TEST(ParseBakeJsonTest, RefusesAVariableOnlyWhereItIsUsed) {
  auto with = [](const std::string& target) {
    return ParseBakeJson(R"({"variable": {
        "LIST": {"default": ["a", "b"]},
        "OBJECT": {"default": {"a": "b"}},
        "COMPUTED": {"default": "${upper(A)}"},
        "OF_LIST": {"default": "${LIST}"}},
        "target": {"a":
)" + target + "}}",
                         "f.json", Find);
  };
  EXPECT_TRUE(with(R"({"tags": ["x"]})"));
  const std::pair<const char*, const char*> cases[] = {
      {R"({"tags": ["${LIST}"]})", "\"LIST\" (line 2) is a list"},
      {R"({"tags": "${LIST}"})", "\"LIST\" (line 2) is a list"},
      {R"({"name": "x", "matrix": {"v": "${LIST}"}})", "\"LIST\" (line 2)"},
      {R"({"args": "${OBJECT}"})", "\"OBJECT\" (line 3)"},
      {R"({"args": {"x": "${OBJECT.a}"}})", "\"OBJECT\" (line 3)"},
      {R"({"target": "${COMPUTED}"})", "\"COMPUTED\""},
      {R"({"target": "${OF_LIST}"})", "\"OF_LIST\""},
  };
  for (const auto& [target, message] : cases) {
    EXPECT_TRUE(FailsWith(with(target), ErrorCode::kUnsupported, message))
        << target;
    EXPECT_TRUE(FailsWith(with(target), ErrorCode::kUnsupported, "f.json:7: "))
        << target;
  }
}

TEST(ParseComposeTest, RefusesWhatItWouldMisread) {
  EXPECT_TRUE(FailsWith(
      ParseCompose("include: [a.yaml]\nservices: {}\n", "c.yaml", "", Find),
      ErrorCode::kUnsupported, "c.yaml:1: include is not supported"));
  EXPECT_TRUE(FailsWith(
      ParseCompose("services:\n  a:\n    extends: b\n", "c.yaml", "", Find),
      ErrorCode::kUnsupported, "c.yaml:3: extends is not supported"));
  EXPECT_TRUE(FailsWith(ParseCompose("a: [", "c.yaml", "", Find),
                        ErrorCode::kInvalidArgument, "c.yaml:1"));
  EXPECT_TRUE(FailsWith(ParseCompose("a: 1\na: 2\n", "c.yaml", "", Find),
                        ErrorCode::kInvalidArgument, "stands here twice"));
}

TEST(ParseComposeTest, SaysWhichLegalKeysAreNotSupported) {
  auto with = [](const std::string& line) {
    return ParseCompose(
        "services:\n  a:\n    build:\n      context: .\n      " + line + "\n",
        "c.yaml", "", Find);
  };
  for (const char* line :
       {"ulimits: {nofile: 9}", "privileged: true", "isolation: hyperv",
        "provenance: mode=max", "sbom: true", "shm_size: 1gb"}) {
    std::string key(line, std::string(line).find(':'));
    EXPECT_TRUE(
        FailsWith(with(line), ErrorCode::kUnsupported,
                  "c.yaml:5: " + key + " is not supported: leave it out"))
        << line;
  }
  for (const char* line :
       {"provenance: false", "sbom: false", "privileged: false",
        "isolation: default", "ulimits:", "entitlements: [network.host]"}) {
    auto file = with(line);
    EXPECT_TRUE(file) << line << ": " << file.error().message();
  }
}

TEST(ParseComposeTest, ResolvesPathsWhereTheFileIs) {
  auto file = ParseCompose(
      "services:\n  a: {build: app}\n  b: {build: {context: ../b}}\n"
      "  c: {build: https://h/c.git}\n",
      "sub/c.yaml", "sub/", Find);
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->targets.at("a").values.at("context"), "sub/app");
  EXPECT_EQ(file->targets.at("b").values.at("context"), "b");
  EXPECT_EQ(file->targets.at("c").values.at("context"), "https://h/c.git");
}

}  // namespace
}  // namespace strake::builder::bake
