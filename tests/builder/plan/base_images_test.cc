#include "builder/plan/base_images.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/builder/plan/planner.h"

namespace strake::builder::plan {
namespace {

using ::strake::testing::Planner;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Kind = SourceRef::Kind;

constexpr char kBase[] = "docker.io/library/base:latest linux/amd64";

// Which stages are reachable, such as "101".
std::string Reachable(const BaseImages& bases) {
  std::string text;
  for (const ResolvedStage& stage : bases.stages) {
    text += stage.reachable ? '1' : '0';
  }
  return text;
}

TEST(BaseImagesTest, BuildsTheLastStageByDefault) {
  Planner planner;
  auto bases = planner.Resolve("FROM scratch AS a\nFROM scratch AS b\n");
  ASSERT_TRUE(bases);
  EXPECT_EQ(bases->target, 1u);
  EXPECT_EQ(Reachable(*bases), "01");
}

TEST(BaseImagesTest, FindsTheTargetByNameInAnyCaseAndByIndex) {
  for (const char* target : {"a", "A", "0"}) {
    Planner planner;
    planner.options.target = target;
    auto bases = planner.Resolve("FROM scratch AS a\nFROM scratch AS b\n");
    ASSERT_TRUE(bases) << target;
    EXPECT_EQ(bases->target, 0u) << target;
    EXPECT_EQ(bases->globals.Find("TARGETSTAGE"), "a");
  }
}

TEST(BaseImagesTest, SuggestsTheNearestTarget) {
  Planner planner;
  planner.options.target = "buidler";
  EXPECT_THAT(planner.Failure("FROM scratch AS builder\nFROM scratch\n"),
              AllOf(HasSubstr("target stage \"buidler\" could not be found"),
                    HasSubstr("did you mean builder?")));
}

TEST(BaseImagesTest, AsksForEachImageOnce) {
  Planner planner;
  ASSERT_TRUE(
      planner.Resolve("FROM base AS a\n"
                      "FROM base\n"
                      "COPY --from=a /x /\n"
                      "COPY --from=base /x /\n"));
  EXPECT_THAT(planner.asked, ElementsAre(kBase));
}

TEST(BaseImagesTest, AsksNothingForStagesThatTheTargetDoesNotReach) {
  Planner planner;
  auto bases = planner.Resolve("FROM missing AS unused\nFROM base\n");
  ASSERT_TRUE(bases);
  EXPECT_EQ(Reachable(*bases), "01");
  EXPECT_THAT(planner.asked, ElementsAre(kBase));
}

TEST(BaseImagesTest, ReachesStagesThroughFromCopyAndMounts) {
  Planner planner;
  auto bases = planner.Resolve(
      "FROM scratch AS one\n"
      "FROM scratch AS two\n"
      "FROM scratch AS unused\n"
      "FROM one AS three\n"
      "FROM base\n"
      "COPY --from=three /x /\n"
      "RUN --mount=type=bind,from=two,target=/m true\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(Reachable(*bases), "11011");
  EXPECT_EQ(bases->stages[3].base.kind, Kind::kStage);
  EXPECT_EQ(bases->stages[3].base.stage, 0u);
  EXPECT_EQ(bases->stages[4].sources.at("three").stage, 3u);
  EXPECT_EQ(bases->stages[4].sources.at("two").stage, 1u);
}

TEST(BaseImagesTest, FindsSourcesInAnyCase) {
  Planner planner;
  auto bases =
      planner.Resolve("FROM base AS Build\nFROM build\nCOPY --from=bUiLd a b");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[1].base.kind, Kind::kStage);
  EXPECT_EQ(bases->stages[1].sources.at("bUiLd").kind, Kind::kStage);
}

// As BuildKit: stage names are lower case, and FROM looks for just what it is
// given.
TEST(BaseImagesTest, TakesABaseInUpperCaseForAnImage) {
  Planner planner;
  EXPECT_THAT(planner.Failure("FROM base AS Build\nFROM BUILD\n"),
              HasSubstr("2: failed to parse stage name \"BUILD\": invalid "
                        "reference format"));
}

TEST(BaseImagesTest, PrefersTheNearestEarlierStageOfAName) {
  Planner planner;
  auto bases = planner.Resolve(
      "FROM scratch AS a\nFROM scratch AS a\nFROM a\nCOPY --from=a x y");
  ASSERT_TRUE(bases);
  EXPECT_EQ(bases->stages[2].base.stage, 1u);
  EXPECT_EQ(bases->stages[2].sources.at("a").stage, 1u);
}

TEST(BaseImagesTest, TakesAStageNamedLikeItsBaseForTheImage) {
  Planner planner;
  auto bases = planner.Resolve("FROM base AS base\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[0].base.kind, Kind::kImage);
}

TEST(BaseImagesTest, TakesNumbersForStagesInCopy) {
  Planner planner;
  auto bases = planner.Resolve("FROM scratch\nFROM base\nCOPY --from=0 a b\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[1].sources.at("0").kind, Kind::kStage);
  EXPECT_EQ(Reachable(*bases), "11");
}

TEST(BaseImagesTest, TakesNumbersForImagesInMounts) {
  Planner planner;
  planner.Image("docker.io/library/0:latest");
  auto bases = planner.Resolve(
      "FROM scratch\nFROM base\nRUN --mount=from=0,target=/m true\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[1].sources.at("0").kind, Kind::kImage);
  EXPECT_EQ(Reachable(*bases), "01");
}

TEST(BaseImagesTest, ReachesTheStageOfAMountWithVariables) {
  Planner planner;
  auto bases = planner.Resolve(
      "FROM scratch AS tools\nFROM base\nARG TYPE=bind\n"
      "RUN --mount=type=$TYPE,from=tools,target=$HOME/m true\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(Reachable(*bases), "11");
}

TEST(BaseImagesTest, TakesANumberInFromForAnImage) {
  Planner planner;
  planner.Image("docker.io/library/0:latest");
  auto bases = planner.Resolve("FROM scratch\nFROM 0\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[1].base.kind, Kind::kImage);
}

TEST(BaseImagesTest, RefusesStageIndicesOutOfRange) {
  Planner planner;
  EXPECT_EQ(planner.Failure("FROM scratch\nCOPY --from=7 a b\n"),
            "2: invalid stage index 7: there are 1 stages\n");
}

TEST(BaseImagesTest, UsesScratchAsAnEmptySource) {
  Planner planner;
  auto bases = planner.Resolve("FROM base\nCOPY --from=scratch a b\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[0].sources.at("scratch").kind, Kind::kScratch);
}

struct BadReferenceCase {
  const char* name;
  const char* dockerfile;
  const char* message;
};
std::ostream& operator<<(std::ostream& out, const BadReferenceCase& c) {
  return out << c.dockerfile;
}
class BadReferenceTest : public ::testing::TestWithParam<BadReferenceCase> {};

TEST_P(BadReferenceTest, IsReportedAtItsLine) {
  Planner planner;
  EXPECT_THAT(planner.Failure(GetParam().dockerfile),
              HasSubstr(GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadReferenceTest,
    ::testing::Values(
        BadReferenceCase{"LaterStageByName",
                         "FROM scratch AS a\n"
                         "COPY --from=b x y\n"
                         "FROM scratch AS b\n"
                         "FROM a\n",
                         "2: cannot copy from stage \"b\", it needs to be "
                         "defined before current stage\n"},
        BadReferenceCase{"LaterStageByIndex",
                         "FROM scratch AS a\nCOPY --from=1 x y\n"
                         "FROM a\n",
                         "2: cannot copy from stage \"1\", it needs to be "
                         "defined before current stage\n"},
        BadReferenceCase{"ItselfByName",
                         "FROM scratch AS a\nCOPY --from=a x y\n",
                         "2: invalid from flag value a: refers to current "
                         "build stage"},
        BadReferenceCase{"ItselfByIndex", "FROM scratch\nCOPY --from=0 x y\n",
                         "2: invalid from flag value 0: refers to current "
                         "build stage"},
        BadReferenceCase{"ItselfByMount",
                         "FROM scratch AS a\n"
                         "RUN --mount=from=a,target=/m true\n",
                         "2: invalid from flag value a: refers to current "
                         "build stage"},
        BadReferenceCase{"BlankBase", "ARG BASE\nFROM $BASE\n",
                         "2: base name ($BASE) should not be blank\n"},
        BadReferenceCase{"BlankBaseOfAStageNobodyNeeds",
                         "ARG BASE=\nFROM ${BASE} AS a\nFROM scratch\n",
                         "2: base name (${BASE}) should not be blank\n"},
        BadReferenceCase{"UpperCaseBase", "FROM Debian:12\n",
                         "1: failed to parse stage name \"Debian:12\": "
                         "invalid reference format"},
        BadReferenceCase{"BadSource", "FROM scratch\nCOPY --from=a//b x y\n",
                         "2: failed to parse stage name \"a//b\": "
                         "invalid reference format"},
        BadReferenceCase{"BadPlatform", "FROM --platform=a/b/c/d base\n",
                         "1: failed to parse platform \"a/b/c/d\""},
        BadReferenceCase{"BadExpansion", "ARG A\nFROM ${A:?required}\n",
                         "2: failed to process \"${A:?required}\": A: "
                         "required"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(BaseImagesTest, SaysWhichLineNamesAnImageThatIsMissing) {
  Planner planner;
  auto bases = planner.Resolve("FROM base\nCOPY --from=nosuch:1 a b\n");
  ASSERT_FALSE(bases);
  EXPECT_EQ(bases.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(
      bases.error().message(),
      AllOf(HasSubstr("docker.io/library/nosuch:1: manifest unknown"),
            HasSubstr("Dockerfile:2"), HasSubstr("COPY --from=nosuch:1 a b")));
}

TEST(BaseImagesTest, SuggestsAStageForASourceThatIsNoImageEither) {
  Planner planner;
  auto bases = planner.Resolve(
      "FROM base AS builder\nFROM base\nCOPY --from=bulder a b");
  ASSERT_FALSE(bases);
  EXPECT_THAT(bases.error().message(), HasSubstr("did you mean builder?"));
}

TEST(BaseImagesTest, SuggestsAStageForABaseThatIsNoImageEither) {
  Planner planner;
  auto bases = planner.Resolve("FROM base AS builder\nFROM bulder\n");
  ASSERT_FALSE(bases);
  EXPECT_THAT(bases.error().message(), HasSubstr("did you mean builder?"));
}

TEST(BaseImagesTest, ExpandsFromWithGlobalArgumentsInTheirOrder) {
  Planner planner;
  planner.Image("registry.example/team/base:1-slim");
  planner.SetBuildArgs({{"VERSION", "1"}});
  auto bases = planner.Resolve(
      "ARG REGISTRY=registry.example\n"
      "ARG VERSION=9\n"
      "ARG TAG=${VERSION}-slim\n"
      "FROM $REGISTRY/team/base:$TAG\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_THAT(planner.asked,
              ElementsAre("registry.example/team/base:1-slim linux/amd64"));
}

TEST(BaseImagesTest, GivesNoArgumentOfAStageToFrom) {
  Planner planner;
  EXPECT_THAT(planner.Failure("FROM base\nARG NEXT=base\nFROM $NEXT\n"),
              AllOf(HasSubstr("3: base name ($NEXT) should not be blank"),
                    HasSubstr("FROM argument 'NEXT' is not declared")));
}

TEST(BaseImagesTest, ResolvesPerPlatform) {
  Planner planner;
  ASSERT_TRUE(
      planner.Resolve("FROM --platform=linux/arm64 base AS a\n"
                      "FROM base\nCOPY --from=a x y\n"));
  EXPECT_THAT(planner.asked,
              ElementsAre(kBase, "docker.io/library/base:latest linux/arm64"));
}

TEST(BaseImagesTest, ExpandsThePlatform) {
  Planner planner;
  planner.options.target_platform = {"linux", "arm64", "", "", {}};
  planner.Image("docker.io/library/base:latest").platform = {
      "linux", "amd64", "", "", {}};
  ASSERT_TRUE(planner.Resolve("FROM --platform=$BUILDPLATFORM base\n"));
  EXPECT_THAT(planner.asked, ElementsAre(kBase));
  EXPECT_THAT(planner.Messages(), IsEmpty());
}

TEST(BaseImagesTest, WarnsOfABaseForAnotherPlatform) {
  Planner planner;
  planner.Image("docker.io/library/base:latest").platform = {
      "linux", "s390x", "", "", {}};
  ASSERT_TRUE(planner.Resolve("FROM base\n"));
  EXPECT_THAT(planner.Messages(),
              HasSubstr("1: InvalidBaseImagePlatform: Base image base was "
                        "pulled with platform \"linux/s390x\", expected "
                        "\"linux/amd64\" for current build"));
}

TEST(BaseImagesTest, NamedContextsComeBeforeImagesAndStages) {
  Planner planner;
  planner.options.named_contexts = {"src", "base", "stage"};
  auto bases = planner.Resolve(
      "FROM scratch AS stage\n"
      "FROM base\n"
      "COPY --from=src a b\n"
      "COPY --from=stage a b\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[1].base.kind, Kind::kContext);
  EXPECT_EQ(bases->stages[1].base.context, "base");
  EXPECT_EQ(bases->stages[1].sources.at("src").kind, Kind::kContext);
  EXPECT_EQ(bases->stages[1].sources.at("stage").kind, Kind::kContext);
  EXPECT_THAT(planner.asked, IsEmpty());
}

TEST(BaseImagesTest, AContextOfTheStagesOwnNameReplacesTheStage) {
  Planner planner;
  planner.options.named_contexts = {"deps"};
  auto bases = planner.Resolve(
      "FROM missing AS unused\n"
      "FROM missing AS deps\n"
      "COPY --from=unused a b\n"
      "FROM scratch\n"
      "COPY --from=deps a b\n"
      "FROM deps\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(Reachable(*bases), "0001");
  EXPECT_EQ(bases->stages[3].base.kind, Kind::kContext);
  planner.options.target = "deps";
  bases = planner.Resolve("FROM missing AS deps\nRUN make\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_TRUE(bases->stages[0].replaced);
  EXPECT_THAT(planner.asked, IsEmpty());
}

TEST(BaseImagesTest, TakesTriggersOfAnImage) {
  Planner planner;
  planner.Image("docker.io/library/base:latest").on_build = {
      "COPY --from=assets /a /a", "RUN --mount=from=extra,target=/m make"};
  auto bases = planner.Resolve(
      "FROM scratch AS assets\n"
      "FROM scratch AS extra\n"
      "FROM scratch AS unused\n"
      "FROM base\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[3].triggers.size(), 2u);
  EXPECT_EQ(Reachable(*bases), "1101");
}

TEST(BaseImagesTest, TakesTriggersOfALocalStageOnceOnly) {
  Planner planner;
  auto bases = planner.Resolve(
      "FROM base AS a\nONBUILD RUN from-a\n"
      "FROM a AS b\n"
      "FROM b\n");
  ASSERT_TRUE(bases) << planner.Messages();
  EXPECT_EQ(bases->stages[1].triggers.size(), 1u);
  EXPECT_EQ(bases->stages[2].triggers.size(), 0u);
}

TEST(BaseImagesTest, ReportsATriggerThatIsWrong) {
  Planner planner;
  planner.Image("docker.io/library/base:latest").on_build = {"RUNN make"};
  EXPECT_THAT(planner.Failure("\nFROM base\n"),
              AllOf(HasSubstr("2: ONBUILD trigger \"RUNN make\" of the base"),
                    HasSubstr("unknown instruction: RUNN")));
}

TEST(BaseImagesTest, ReportsEveryMistakeAtOnce) {
  Planner planner;
  std::string failure = planner.Failure(
      "FROM scratch AS a\n"
      "COPY --from=9 x y\n"
      "COPY --from=b x y\n"
      "FROM scratch AS b\n"
      "COPY --from=a x y\n");
  EXPECT_THAT(failure, AllOf(HasSubstr("2: invalid stage index 9"),
                             HasSubstr("3: cannot copy from stage \"b\"")));
}

TEST(BaseImagesTest, KeepsTheDigestOfAPinnedReference) {
  Planner planner;
  std::string pinned =
      "docker.io/library/base@" + oci::Digest::Of("pinned").ToString();
  planner.Image(pinned);
  ASSERT_TRUE(planner.Resolve("FROM " + pinned + "\n"));
  EXPECT_THAT(planner.asked, ElementsAre(pinned + " linux/amd64"));
}

TEST(BaseImagesTest, IgnoresWhatMountsOfOtherKindsSay) {
  Planner planner;
  auto bases = planner.Resolve(
      "FROM base\nRUN --mount=type=cache,target=/c true\n"
      "RUN --mount=type=secret,id=s true\n");
  ASSERT_TRUE(bases);
  EXPECT_THAT(bases->stages[0].sources, IsEmpty());
  EXPECT_THAT(planner.Messages(), Not(HasSubstr("error")));
}

}  // namespace
}  // namespace strake::builder::plan
