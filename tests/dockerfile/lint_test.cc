#include "dockerfile/lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "dockerfile/parser.h"
#include "dockerfile/print.h"

namespace strake::dockerfile {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(LintConfigTest, ReadsEveryOption) {
  auto config = LintConfig::Parse(" skip=A, B ;error=true; experimental=C,D ");
  ASSERT_TRUE(config) << config.error().message();
  EXPECT_THAT(config->skip, ElementsAre("A", "B"));
  EXPECT_TRUE(config->error);
  EXPECT_THAT(config->experimental, ElementsAre("C", "D"));
  EXPECT_FALSE(config->skip_all);
}

TEST(LintConfigTest, ReadsAll) {
  EXPECT_TRUE(LintConfig::Parse("skip=all")->skip_all);
  EXPECT_TRUE(LintConfig::Parse("experimental=all")->experimental_all);
  EXPECT_THAT(LintConfig::Parse("skip=all")->skip, IsEmpty());
}

TEST(LintConfigTest, OfNothingIsTheDefault) {
  auto config = LintConfig::Parse("");
  ASSERT_TRUE(config);
  EXPECT_FALSE(config->error);
  EXPECT_THAT(config->skip, IsEmpty());
}

TEST(LintConfigTest, ReadsBooleansAsGoDoes) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"}) {
    EXPECT_TRUE(LintConfig::Parse(std::string("error=") + yes)->error) << yes;
  }
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"}) {
    EXPECT_FALSE(LintConfig::Parse(std::string("error=") + no)->error) << no;
  }
}

TEST(LintConfigTest, RefusesOthers) {
  EXPECT_EQ(LintConfig::Parse("skip").error().message(),
            "invalid check option \"skip\"");
  EXPECT_EQ(LintConfig::Parse("foo=bar").error().message(),
            "invalid check option \"foo\": skip, error and experimental "
            "exist");
  EXPECT_EQ(LintConfig::Parse("error=maybe").error().message(),
            "failed to parse check option \"error=maybe\": \"maybe\" is "
            "neither true nor false");
  EXPECT_FALSE(LintConfig::Parse("skip=A;"));
}

TEST(LintConfigTest, ABuildArgumentReplacesTheDirective) {
  Dockerfile file =
      Parse("# check=skip=A;error=true\nFROM scratch\n").dockerfile;
  EXPECT_TRUE(LintConfigFor(file, {})->error);
  auto replaced = LintConfigFor(file, "skip=B");
  ASSERT_TRUE(replaced);
  EXPECT_FALSE(replaced->error);
  EXPECT_THAT(replaced->skip, ElementsAre("B"));
  EXPECT_FALSE(LintConfigFor(file, "x"));
}

TEST(LintTest, StageRulesLookAtBuiltStagesOnly) {
  Dockerfile file = Parse(
                        "FROM scratch AS a\nENV a b\nCMD [\"x\"]\nCMD [\"y\"]\n"
                        "FROM scratch AS B\nENV c d\n")
                        .dockerfile;
  EXPECT_EQ(Lint(file, {}).size(), 4u);
  auto second = Lint(file, {.stages = std::vector<size_t>{1}});
  ASSERT_EQ(second.size(), 2u);
  EXPECT_EQ(second[0].rule, "StageNameCasing");
  EXPECT_EQ(second[1].rule, "LegacyKeyValueFormat");
}

TEST(LintEnabledTest, WorksForRulesThatThePlannerFinds) {
  Dockerfile file =
      Parse("FROM scratch\n# check=skip=UndefinedVar\nENV a=$b\nENV c=$d\n")
          .dockerfile;
  const auto& instructions = file.stages[0].instructions;
  LintConfig config;
  EXPECT_FALSE(LintEnabled(config, &instructions[0], "UndefinedVar"));
  EXPECT_TRUE(LintEnabled(config, &instructions[1], "UndefinedVar"));
  EXPECT_TRUE(LintEnabled(config, nullptr, "UndefinedVar"));
  std::vector<Diagnostic> found;
  ReportLint(config, &instructions[0], lint::UndefinedVar("b", {}, {}), found);
  EXPECT_THAT(found, IsEmpty());
  ReportLint(config, &instructions[1], lint::UndefinedVar("d", {}, {}), found);
  EXPECT_EQ(found.size(), 1u);
}

TEST(LintFailureTest, NamesRulesOnce) {
  EXPECT_EQ(LintFailure({}), "");
  EXPECT_EQ(LintFailure({MakeError("no rule", {})}), "");
  EXPECT_EQ(LintFailure({lint::StageNameCasing("A", {}),
                         lint::MaintainerDeprecated({}),
                         lint::StageNameCasing("B", {})}),
            "lint violation found for rules: MaintainerDeprecated, "
            "StageNameCasing");
}

TEST(LintRulesTest, AreTwentyTwoWithNamesOfTheirOwn) {
  std::set<std::string_view> names;
  for (const LintRule& rule : LintRules()) {
    EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    EXPECT_FALSE(rule.description.empty()) << rule.name;
    EXPECT_EQ(rule.url.empty(), rule.name == "InvalidBaseImagePlatform");
  }
  EXPECT_EQ(names.size(), 22u);
}

TEST(LintRulesTest, AreFoundInAnyCase) {
  ASSERT_NE(FindLintRule("stagenamecasing"), nullptr);
  EXPECT_EQ(FindLintRule("stagenamecasing")->name, "StageNameCasing");
  EXPECT_EQ(FindLintRule("x"), nullptr);
}

// The words of the reference, rule by rule.
TEST(LintRulesTest, SayWhatTheReferenceSays) {
  std::vector<Diagnostic> all = {
      lint::StageNameCasing("A", {}),
      lint::FromAsCasing("FROM", "as", {}),
      lint::NoEmptyContinuation(3, {}),
      lint::ConsistentInstructionCasing("run", "uppercase", {}),
      lint::DuplicateStageName("a", {}),
      lint::ReservedStageName("scratch", {}),
      lint::JsonArgsRecommended("CMD", {}),
      lint::MaintainerDeprecated({}),
      lint::UndefinedArgInFrom("BUILDPLATFROM", {"BUILDPLATFORM", "X"}, {}),
      lint::UndefinedArgInFrom("A", {}, {}),
      lint::WorkdirRelativePath("a", {}),
      lint::UndefinedVar("PATHH", {"HOME", "PATH"}, {}),
      lint::UndefinedVar("QQQQ", {"PATH"}, {}),
      lint::MultipleInstructionsDisallowed("CMD", {}),
      lint::LegacyKeyValueFormat("ENV", {}),
      lint::InvalidBaseImagePlatform("i", "linux/arm64", "linux/amd64", {}),
      lint::RedundantTargetPlatform("$TARGETPLATFORM", {}),
      lint::SecretsUsedInArgOrEnv("ARG", "TOKEN", {}),
      lint::InvalidDefaultArgInFrom("i:${V}", {}),
      lint::FromPlatformFlagConstDisallowed("linux/amd64", {}),
      lint::CopyIgnoredFile("Copy", "a", {}),
      lint::ExposeProtoCasing("80/TCP", {}),
      lint::ExposeInvalidFormat("1:2", {}),
      lint::InvalidDefinitionDescription("FROM", "base", {}),
  };
  EXPECT_EQ(
      Print(all),
      "warning -: StageNameCasing: Stage name 'A' should be lowercase\n"
      "warning -: FromAsCasing: 'as' and 'FROM' keywords' casing do not "
      "match\n"
      "warning -: NoEmptyContinuation: Empty continuation line\n"
      "warning -: ConsistentInstructionCasing: Command 'run' should match the "
      "case of the command majority (uppercase)\n"
      "warning -: DuplicateStageName: Duplicate stage name \"a\", stage names "
      "should be unique\n"
      "warning -: ReservedStageName: Stage name should not use the same name "
      "as reserved stage \"scratch\"\n"
      "warning -: JSONArgsRecommended: JSON arguments recommended for CMD to "
      "prevent unintended behavior related to OS signals\n"
      "warning -: MaintainerDeprecated: Maintainer instruction is deprecated "
      "in favor of using label\n"
      "warning -: UndefinedArgInFrom: FROM argument 'BUILDPLATFROM' is not "
      "declared (did you mean BUILDPLATFORM?)\n"
      "warning -: UndefinedArgInFrom: FROM argument 'A' is not declared\n"
      "warning -: WorkdirRelativePath: Relative workdir \"a\" can have "
      "unexpected results if the base image changes\n"
      "warning -: UndefinedVar: Usage of undefined variable '$PATHH' (did you "
      "mean $PATH?)\n"
      "warning -: UndefinedVar: Usage of undefined variable '$QQQQ'\n"
      "warning -: MultipleInstructionsDisallowed: Multiple CMD instructions "
      "should not be used in the same stage because only the last one will be "
      "used\n"
      "warning -: LegacyKeyValueFormat: \"ENV key=value\" should be used "
      "instead of legacy \"ENV key value\" format\n"
      "warning -: InvalidBaseImagePlatform: Base image i was pulled with "
      "platform \"linux/arm64\", expected \"linux/amd64\" for current build\n"
      "warning -: RedundantTargetPlatform: Setting platform to predefined "
      "$TARGETPLATFORM in FROM is redundant as this is the default behavior\n"
      "warning -: SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions "
      "for sensitive data (ARG \"TOKEN\")\n"
      "warning -: InvalidDefaultArgInFrom: Default value for ARG i:${V} "
      "results in empty or invalid base image name\n"
      "warning -: FromPlatformFlagConstDisallowed: FROM --platform flag should "
      "not use constant value \"linux/amd64\"\n"
      "warning -: CopyIgnoredFile: Attempting to Copy file \"a\" that is "
      "excluded by .dockerignore\n"
      "warning -: ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE "
      "instruction should be lowercase\n"
      "warning -: ExposeInvalidFormat: EXPOSE instruction should not define an "
      "IP address or host-port mapping, found '1:2'\n"
      "warning -: InvalidDefinitionDescription: Comment for FROM should follow "
      "the format: `# base <description>`\n");
}

TEST(LooksLikeSecretTest, KnowsSecretWords) {
  for (const char* key :
       {"apikey", "API_KEY", "AUTH", "credential", "AWS_CREDENTIALS", "key",
        "DB_PASSWORD", "pword", "passwd_x", "secret_MESSAGE", "GITHUB_TOKEN",
        "a_token_b"}) {
    EXPECT_TRUE(LooksLikeSecret(key)) << key;
  }
}

TEST(LooksLikeSecretTest, LetsOthersPass) {
  for (const char* key :
       {"", "PATH", "MONKEY", "TOKENIZER", "authority", "keys", "PUBLIC_KEY",
        "SECRET_FILE", "KEY_VERSION", "passwords", "API-KEY"}) {
    EXPECT_FALSE(LooksLikeSecret(key)) << key;
  }
}

}  // namespace
}  // namespace strake::dockerfile
