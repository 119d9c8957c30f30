#include "dockerfile/outline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "dockerfile/parser.h"

namespace strake::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const char kFile[] = R"(# VERSION of the base
ARG VERSION=3
ARG UNUSED=1
ARG IMAGE=alpine:${VERSION}
FROM $IMAGE AS base
# FLAGS for the compiler
ARG FLAGS="-O2 -g"
RUN --mount=type=cache,target=/cache --mount=type=secret,id=token make

# build makes it
FROM base AS build
ARG VERSION
ARG LATE=x-$VERSION
RUN --mount=type=ssh --mount=type=secret,id=token,required make

FROM scratch AS other
ARG OTHER=1

# release is small
FROM scratch AS release
ARG ONLY
COPY --from=build /x /
COPY --from=0 /y /
)";

std::string Args(const Outline& outline) {
  std::string out;
  for (const OutlineArg& arg : outline.args) {
    out += arg.name + "=" + arg.value.value_or("-") + " ";
  }
  return out;
}

TEST(OutlineTest, CollectsWhatATargetTakes) {
  Dockerfile file = Parse(kFile).dockerfile;
  Outline outline = MakeOutline(file, 3);
  EXPECT_EQ(outline.name, "release");
  EXPECT_EQ(outline.description, "is small");
  EXPECT_EQ(Args(outline),
            "VERSION=3 IMAGE=alpine:3 FLAGS=-O2 -g LATE=x-3 ONLY=- ");
  EXPECT_EQ(outline.args[0].description, "of the base");
  EXPECT_EQ(outline.args[2].description, "for the compiler");
  ASSERT_EQ(outline.secrets.size(), 1u);
  EXPECT_EQ(outline.secrets[0].name, "token");
  EXPECT_TRUE(outline.secrets[0].required);
  ASSERT_EQ(outline.ssh.size(), 1u);
  EXPECT_EQ(outline.ssh[0].name, "default");
  ASSERT_EQ(outline.caches.size(), 1u);
  EXPECT_EQ(outline.caches[0].name, "/cache");
}

TEST(OutlineTest, LooksAtReachableStagesOnly) {
  Dockerfile file = Parse(kFile).dockerfile;
  EXPECT_EQ(Args(MakeOutline(file, 2)), "OTHER=1 ");
  EXPECT_THAT(ReachableStages(file, 3), ElementsAre(0, 1, 3));
  EXPECT_THAT(ReachableStages(file, 0), ElementsAre(0));
}

TEST(OutlineTest, FollowsMountsToStages) {
  Dockerfile file =
      Parse(
          "FROM x AS a\nFROM x AS b\nFROM x\nRUN --mount=from=b,target=/b y\n")
          .dockerfile;
  EXPECT_THAT(ReachableStages(file, 2), ElementsAre(1, 2));
}

TEST(OutlineTest, BuildArgumentsTakeThePlaceOfDefaults) {
  Dockerfile file = Parse(kFile).dockerfile;
  Outline outline = MakeOutline(file, 3, {{"VERSION", "9"}, {"FLAGS", "-O0"}});
  EXPECT_THAT(Args(outline), HasSubstr("IMAGE=alpine:9 FLAGS=-O0"));
}

TEST(OutlineTest, ABuildArgumentMayChangeTheStages) {
  Dockerfile file =
      Parse("ARG BASE=one\nFROM x AS one\nFROM x AS two\nFROM $BASE\n")
          .dockerfile;
  EXPECT_THAT(ReachableStages(file, 2), ElementsAre(0, 2));
  EXPECT_THAT(ReachableStages(file, 2, {{"BASE", "two"}}), ElementsAre(1, 2));
}

TEST(OutlineTest, FormatsForPeople) {
  Dockerfile file = Parse(kFile).dockerfile;
  EXPECT_EQ(FormatOutline(MakeOutline(file, 1)),
            "TARGET:      build\n"
            "DESCRIPTION: makes it\n"
            "\n"
            "BUILD ARG   VALUE      DESCRIPTION\n"
            "VERSION     3          of the base\n"
            "IMAGE       alpine:3\n"
            "FLAGS       -O2 -g     for the compiler\n"
            "LATE        x-3\n"
            "\n"
            "SECRET   REQUIRED\n"
            "token    true\n"
            "\n"
            "SSH       REQUIRED\n"
            "default\n"
            "\n"
            "CACHE\n"
            "/cache\n");
}

TEST(OutlineTest, OfAnEmptyTargetIsItsName) {
  Dockerfile file = Parse("FROM scratch AS a\nFROM scratch\n").dockerfile;
  EXPECT_EQ(FormatOutline(MakeOutline(file, 0)), "TARGET:      a\n");
  EXPECT_EQ(FormatOutline(MakeOutline(file, 1)), "");
}

TEST(OutlineTest, WritesJson) {
  Dockerfile file =
      Parse(
          "FROM scratch AS a\nARG X=1\nRUN --mount=type=secret,id=s,required "
          "y\n")
          .dockerfile;
  EXPECT_EQ(OutlineJson(MakeOutline(file, 0), "text"), R"({
  "args": [
    {
      "location": {
        "ranges": [
          {
            "end": {
              "line": 2
            },
            "start": {
              "line": 2
            }
          }
        ]
      },
      "name": "X",
      "value": "1"
    }
  ],
  "name": "a",
  "secrets": [
    {
      "location": {
        "ranges": [
          {
            "end": {
              "line": 3
            },
            "start": {
              "line": 3
            }
          }
        ]
      },
      "name": "s",
      "required": true
    }
  ],
  "sources": [
    "dGV4dA=="
  ]
}
)");
}

TEST(TargetsTest, ListsStages) {
  Dockerfile file = Parse(kFile).dockerfile;
  EXPECT_EQ(FormatTargets(ListTargets(file)),
            "TARGET              DESCRIPTION\n"
            "base\n"
            "build               makes it\n"
            "other\n"
            "release (default)   is small\n");
}

TEST(TargetsTest, LeavesOutWhatHasNoNameUnlessItIsTheDefault) {
  Dockerfile file =
      Parse("FROM a\nFROM --platform=p b AS x\nFROM c\n").dockerfile;
  auto targets = ListTargets(file);
  ASSERT_EQ(targets.size(), 3u);
  EXPECT_EQ(targets[1].base, "b");
  EXPECT_EQ(targets[1].platform, "p");
  EXPECT_EQ(FormatTargets(targets), "TARGET      DESCRIPTION\nx\n(default)\n");
  std::string json = TargetsJson(targets, "s");
  EXPECT_THAT(json, HasSubstr("\"platform\": \"p\""));
  EXPECT_THAT(json, HasSubstr("\"default\": true"));
}

TEST(TargetsTest, OfNothingAreNone) {
  EXPECT_THAT(ListTargets(Dockerfile()), IsEmpty());
}

}  // namespace
}  // namespace strake::dockerfile
