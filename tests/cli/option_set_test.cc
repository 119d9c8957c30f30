#include "cli/option_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace strake::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A command with one option of each kind.
class OptionSetTest : public testing::Test {
 protected:
  OptionSetTest() {
    options_.SetArguments({"CONTEXT", 1, 1});
    options_.Flag("-q,--quiet", quiet_, "Say little");
    options_.Flag("--no-cache", no_cache_, "Execute all");
    options_.Value("-f,--file", file_, {"FILE", Completes::kFiles}, "A file");
    options_.Value("--target", target_, {"STAGE"}, "A stage");
    options_.Value("--network", network_,
                   {"MODE", Completes::kNothing, {"default", "host", "none"}},
                   "A network");
    options_.List("-t,--tag", tags_, {"NAME"}, "A name");
    options_.OptionalValue("--sbom", sbom_, "A list");
    options_.NotYetValue("--cache-from");
    options_.NotYetFlag("-D,--debug");
  }

  Result<OptionSet::Parsed> Parse(std::vector<std::string> words) {
    return options_.Parse(words);
  }
  std::string ErrorOf(std::vector<std::string> words) {
    auto parsed = options_.Parse(words);
    return parsed ? "" : parsed.error().message();
  }

  OptionSet options_;
  bool quiet_ = false;
  bool no_cache_ = false;
  std::string file_;
  std::optional<std::string> target_;
  std::string network_ = "default";
  std::vector<std::string> tags_;
  std::optional<std::string> sbom_;
};

TEST_F(OptionSetTest, ReadsEveryWayToWriteAValue) {
  auto parsed = Parse({"-t", "a", "--tag", "b", "--tag=c", "-td", "-t=e", "."});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(tags_, ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_THAT(parsed->arguments, ElementsAre("."));
}

TEST_F(OptionSetTest, TakesArgumentsBetweenOptions) {
  auto parsed = Parse({"-q", ".", "-f", "x"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(quiet_);
  EXPECT_EQ(file_, "x");
  EXPECT_THAT(parsed->arguments, ElementsAre("."));
}

TEST_F(OptionSetTest, AListTakesOneWordAtATime) {
  auto parsed = Parse({"-t", "a", "."});
  ASSERT_TRUE(parsed);
  EXPECT_THAT(tags_, ElementsAre("a"));
  EXPECT_THAT(parsed->arguments, ElementsAre("."));
}

TEST_F(OptionSetTest, AnEmptyValueAfterEqualsDoesNotEatTheNextWord) {
  auto parsed = Parse({"--target=", "."});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(target_, "");
  EXPECT_THAT(parsed->arguments, ElementsAre("."));
}

TEST_F(OptionSetTest, ValuesMayBeginWithADashOrBeOne) {
  auto parsed = Parse({"-f", "-", "-t", "--odd", "-"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(file_, "-");
  EXPECT_THAT(tags_, ElementsAre("--odd"));
  EXPECT_THAT(parsed->arguments, ElementsAre("-"));
}

TEST_F(OptionSetTest, ValuesAreNotTakenApart) {
  auto parsed = Parse({"-t", "[a,b]", "--file=a=b", "."});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(tags_, ElementsAre("[a,b]"));
  EXPECT_EQ(file_, "a=b");
}

TEST_F(OptionSetTest, JoinsShortFlagsWithAShortValue) {
  ASSERT_TRUE(Parse({"-qtname", "."}));
  EXPECT_TRUE(quiet_);
  EXPECT_THAT(tags_, ElementsAre("name"));
}

TEST_F(OptionSetTest, FlagsCanBeTurnedOff) {
  no_cache_ = true;
  ASSERT_TRUE(Parse({"--no-cache=false", "."}));
  EXPECT_FALSE(no_cache_);
  EXPECT_THAT(ErrorOf({"--no-cache=maybe", "."}),
              HasSubstr("--no-cache=maybe: expected true or false"));
}

TEST_F(OptionSetTest, TheLastOfTwoValuesCounts) {
  ASSERT_TRUE(Parse({"--target", "a", "--target", "b", "-q", "-q", "."}));
  EXPECT_EQ(target_, "b");
  EXPECT_TRUE(quiet_);
}

TEST_F(OptionSetTest, AnOptionalValueNeverTakesTheNextWord) {
  auto parsed = Parse({"--sbom", "."});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(sbom_, "true");
  EXPECT_THAT(parsed->arguments, ElementsAre("."));
  ASSERT_TRUE(Parse({"--sbom=false", "."}));
  EXPECT_EQ(sbom_, "false");
  ASSERT_TRUE(Parse({"--sbom=generator=x", "."}));
  EXPECT_EQ(sbom_, "generator=x");
}

TEST_F(OptionSetTest, DashDashEndsTheOptions) {
  auto parsed = Parse({"-q", "--", "-t"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(parsed->arguments, ElementsAre("-t"));
  EXPECT_THAT(tags_, IsEmpty());
}

TEST_F(OptionSetTest, UnknownOptionsGetASuggestion) {
  EXPECT_EQ(ErrorOf({"--tagg", "x", "."}),
            "unknown option --tagg (did you mean --tag?)");
  EXPECT_EQ(ErrorOf({"--no-cahce=true", "."}),
            "unknown option --no-cahce (did you mean --no-cache?)");
  EXPECT_EQ(ErrorOf({"--xyz", "."}), "unknown option --xyz");
  EXPECT_EQ(ErrorOf({"-z", "."}), "unknown option -z");
}

TEST_F(OptionSetTest, UnknownChoicesGetASuggestion) {
  EXPECT_EQ(
      ErrorOf({"--network", "nonne", "."}),
      "--network: unknown value \"nonne\" (did you mean none?); there are "
      "default, host, none");
}

TEST_F(OptionSetTest, SaysWhichOptionLacksItsValue) {
  EXPECT_EQ(ErrorOf({".", "--file"}), "--file needs a value: FILE");
  EXPECT_EQ(ErrorOf({".", "-qt"}), "--tag needs a value: NAME");
}

TEST_F(OptionSetTest, CountsArguments) {
  EXPECT_EQ(ErrorOf({"-q"}), "CONTEXT is missing");
  EXPECT_EQ(ErrorOf({".", "more"}), "one argument too many: \"more\"");
}

TEST_F(OptionSetTest, WhatIsNotThereYetIsAnErrorOfItsOwn) {
  auto parsed = Parse({"--cache-from", "type=local", "."});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(parsed.error().message(), "--cache-from is not supported yet");
  EXPECT_EQ(ErrorOf({"-D", "."}), "--debug is not supported yet");
}

TEST_F(OptionSetTest, HelpWinsOverMistakes) {
  auto parsed = Parse({"--bogus", "--help"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->help);
  parsed = Parse({"-h"});
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->help);
}

class RunOptionSetTest : public testing::Test {
 protected:
  RunOptionSetTest() {
    options_.SetArguments(
        {"IMAGE", 1, OptionSet::kAnyNumber, Completes::kImages, true});
    options_.List("-e,--env", env_, {"NAME"}, "A variable");
    options_.Value("-h,--hostname", host_, {"NAME"}, "A name");
    options_.Flag("--rm", remove_, "Remove");
  }
  OptionSet options_;
  std::vector<std::string> env_;
  std::string host_;
  bool remove_ = false;
};

TEST_F(RunOptionSetTest, TheFirstArgumentEndsTheOptions) {
  auto parsed = options_.Parse(
      {"--rm", "-e", "A=1", "image", "sh", "-e", "-c", "--env=x", "--", "y"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(remove_);
  EXPECT_THAT(env_, ElementsAre("A=1"));
  EXPECT_THAT(parsed->arguments,
              ElementsAre("image", "sh", "-e", "-c", "--env=x", "--", "y"));
}

TEST_F(RunOptionSetTest, DashDashBeforeTheFirstArgumentIsNoArgument) {
  auto parsed = options_.Parse({"--rm", "--", "image", "--", "x"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(parsed->arguments, ElementsAre("image", "--", "x"));
}

TEST_F(RunOptionSetTest, AnUnknownOptionIsNotTakenForAnImage) {
  auto parsed = options_.Parse({"--rmm", "image"});
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().message(),
            "unknown option --rmm (did you mean --rm?)");
}

TEST_F(RunOptionSetTest, AnOptionMayTakeTheShortNameOfHelp) {
  auto parsed = options_.Parse({"-h", "box", "image"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_FALSE(parsed->help);
  EXPECT_EQ(host_, "box");
}

}  // namespace
}  // namespace strake::cli
