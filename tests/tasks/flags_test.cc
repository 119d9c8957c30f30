#include "tasks/run/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace strake::tasks::run {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::array kFlags = {
    Flag{"detach", 'd', Flag::Takes::kNothing},
    Flag{"gpus", 0, Flag::Takes::kRefusedValue, "none here"},
    Flag{"interactive", 'i', Flag::Takes::kNothing},
    Flag{"publish", 'p'},
    Flag{"tag", 't'},
};

Result<ParsedFlags> Parse(const std::vector<std::string>& words,
                          FlagsEnd end = FlagsEnd::kNever) {
  return ParseFlags("docker x", kFlags, end, words);
}

std::string ErrorOf(const std::vector<std::string>& words) {
  auto parsed = Parse(words);
  return parsed ? "" : parsed.error().message();
}

TEST(FlagsTest, TakesEveryForm) {
  auto parsed = Parse({"--tag", "a", "--tag=b", "-t", "c", "-td", "-t=e"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_THAT(parsed->All("tag"), ElementsAre("a", "b", "c", "d", "e"));
  EXPECT_EQ(parsed->Last("tag"), "e");
}

TEST(FlagsTest, ShortSwitchesMayShareAWord) {
  auto parsed = Parse({"-dip80:80", "x"});
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_TRUE(parsed->On("detach"));
  EXPECT_TRUE(parsed->On("interactive"));
  EXPECT_EQ(parsed->Last("publish"), "80:80");
  EXPECT_THAT(parsed->arguments(), ElementsAre("x"));
}

TEST(FlagsTest, ASwitchCanBeSwitchedOff) {
  auto parsed = Parse({"-d", "--detach=false"});
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->On("detach"));
}

TEST(FlagsTest, MayStandAfterArgumentsOrEndAtThem) {
  auto after = Parse({".", "-t", "a"});
  ASSERT_TRUE(after);
  EXPECT_EQ(after->Last("tag"), "a");
  EXPECT_THAT(after->arguments(), ElementsAre("."));
  auto ended = Parse({"-d", "image", "-t", "a"}, FlagsEnd::kAtArgument);
  ASSERT_TRUE(ended);
  EXPECT_FALSE(ended->Has("tag"));
  EXPECT_THAT(ended->arguments(), ElementsAre("image", "-t", "a"));
  auto dashes = Parse({"--", "-t"});
  ASSERT_TRUE(dashes);
  EXPECT_THAT(dashes->arguments(), ElementsAre("-t"));
}

TEST(FlagsTest, SaysWhatIsWrong) {
  EXPECT_EQ(ErrorOf({"--tagg", "a"}),
            "docker x: unknown flag: --tagg (did you mean tag?)");
  EXPECT_EQ(ErrorOf({"-dx"}), "docker x: unknown shorthand flag: 'x' in -x");
  EXPECT_EQ(ErrorOf({"--tag"}), "docker x: flag needs an argument: --tag");
  EXPECT_THAT(ErrorOf({"--detach=maybe"}), HasSubstr("true or false"));
  EXPECT_EQ(ErrorOf({"--gpus", "all"}), "docker x: --gpus: none here");
}

}  // namespace
}  // namespace strake::tasks::run
