#include "registry/auth_challenge.h"

#include <gtest/gtest.h>

namespace strake::registry {
namespace {

std::vector<AuthChallenge> Parse(std::vector<std::string> fields) {
  return ParseAuthChallenges(fields);
}

TEST(AuthChallengeTest, ReadsABearerChallenge) {
  auto challenges =
      Parse({R"(Bearer realm="https://auth.example/token",service="registry",)"
             R"(scope="repository:a/b:pull,push")"});
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].scheme, "bearer");
  EXPECT_EQ(challenges[0].Get("realm"), "https://auth.example/token");
  EXPECT_EQ(challenges[0].Get("service"), "registry");
  EXPECT_EQ(challenges[0].Get("scope"), "repository:a/b:pull,push");
  EXPECT_EQ(challenges[0].Get("error"), "");
}

TEST(AuthChallengeTest, ReadsSeveralInOneFieldAndInSeveral) {
  auto challenges =
      Parse({R"(Negotiate, Basic realm="x y" , charset=UTF-8)", "Digest a=b"});
  ASSERT_EQ(challenges.size(), 3u);
  EXPECT_EQ(challenges[0].scheme, "negotiate");
  EXPECT_EQ(challenges[1].scheme, "basic");
  EXPECT_EQ(challenges[1].Get("realm"), "x y");
  EXPECT_EQ(challenges[1].Get("charset"), "UTF-8");
  EXPECT_EQ(challenges[2].Get("a"), "b");
}

TEST(AuthChallengeTest, ReadsEscapesCaseAndBlanks) {
  auto challenges = Parse({R"(BASIC Realm = "a \"quoted\" \\ word")"});
  ASSERT_EQ(challenges.size(), 1u);
  EXPECT_EQ(challenges[0].Get("realm"), R"(a "quoted" \ word)");
}

TEST(AuthChallengeTest, SurvivesNonsense) {
  EXPECT_TRUE(Parse({}).empty());
  EXPECT_TRUE(Parse({"", ",,,", "=x", "\"\""}).empty());
  EXPECT_EQ(Parse({R"(Basic realm="open)"})[0].Get("realm"), "open");
  EXPECT_EQ(Parse({"Basic realm="})[0].Get("realm"), "");
}

}  // namespace
}  // namespace strake::registry
