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

// The last COPY or ADD of `FROM base`, `WORKDIR /work`, `instruction`.
CopyOp LastCopy(std::string_view instruction) {
  Planner planner;
  auto copies =
      OpsOf<CopyOp>(planner.Plan("FROM base AS earlier\n"
                                 "FROM base\nWORKDIR /work\n" +
                                 std::string(instruction) + "\n"));
  EXPECT_FALSE(copies.empty()) << instruction;
  return copies.empty() ? CopyOp() : copies.back();
}

std::vector<std::string> Patterns(const CopyOp& copy) {
  std::vector<std::string> patterns;
  for (const CopySource& source : copy.sources) {
    patterns.push_back(source.pattern);
  }
  return patterns;
}

struct DestinationCase {
  const char* name;
  const char* written;
  const char* expected;
};
std::ostream& operator<<(std::ostream& out, const DestinationCase& c) {
  return out << c.written;
}
class DestinationTest : public ::testing::TestWithParam<DestinationCase> {};

TEST_P(DestinationTest, IsAbsoluteAndKeepsItsSlash) {
  EXPECT_EQ(LastCopy(std::string("COPY a ") + GetParam().written).destination,
            GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    All, DestinationTest,
    ::testing::Values(DestinationCase{"Absolute", "/x", "/x"},
                      DestinationCase{"AbsoluteFolder", "/x/", "/x/"},
                      DestinationCase{"Relative", "x", "/work/x"},
                      DestinationCase{"RelativeFolder", "x/y/", "/work/x/y/"},
                      DestinationCase{"Dot", ".", "/work/"},
                      DestinationCase{"DotSlash", "./", "/work/"},
                      DestinationCase{"SlashDot", "/x/.", "/x/"},
                      DestinationCase{"Up", "../x", "/x"},
                      DestinationCase{"NotAboveRoot", "../../../x", "/x"},
                      DestinationCase{"Root", "/", "/"},
                      DestinationCase{"Unclean", "//x//y/", "/x/y/"}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(LowerCopyTest, SourcesStayBelowTheirRoot) {
  EXPECT_THAT(Patterns(LastCopy("COPY /a ../b ./c d/ e//f/../g . / *.txt /x/")),
              ElementsAre("a", "b", "c", "d", "e/g", "", "", "*.txt"));
}

TEST(LowerCopyTest, ParentsKeepThePivot) {
  EXPECT_THAT(Patterns(LastCopy("COPY --parents ./x/./y/*.txt a/b ./c /d/")),
              ElementsAre("x/./y/*.txt", "a/b", "c"));
}

TEST(LowerCopyTest, ExpandsSourcesDestinationOwnerAndMode) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base\nENV F=file D=/dest U=app M=640\n"
      "COPY --chown=$U:$U --chmod=$M $F ${F}2 $D/\n");
  CopyOp copy = OpsOf<CopyOp>(graph).back();
  EXPECT_THAT(Patterns(copy), ElementsAre("file", "file2"));
  EXPECT_EQ(copy.destination, "/dest/");
  EXPECT_EQ(copy.chown, "app:app");
  EXPECT_EQ(copy.chmod, "640");
  EXPECT_EQ(NewHistory(graph).back(),
            "COPY --chown=app:app --chmod=640 file file2 /dest/ # buildkit");
}

TEST(LowerCopyTest, QuotesAreRemoved) {
  CopyOp copy = LastCopy("COPY [\"a b\", \"/x y/\"]");
  EXPECT_THAT(Patterns(copy), ElementsAre("a b"));
  EXPECT_EQ(copy.destination, "/x y/");
}

TEST(LowerCopyTest, HistoryLeavesOutWhereFilesComeFrom) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base AS a\nFROM base\n"
      "COPY --from=a --link --exclude=*.o /src /dst\n"
      "COPY --parents x/y /z/\n");
  EXPECT_THAT(NewHistory(graph),
              ElementsAre("COPY /src /dst # buildkit",
                          "COPY --parents x/y /z/ # buildkit"));
}

TEST(LowerCopyTest, TakesFilesOfAStageAsAnInput) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base AS a\nRUN make\nFROM base\nCOPY --from=a /x /y /z/\n");
  const Vertex& vertex = graph.vertex(graph.targets.front().state);
  const CopyOp& copy = std::get<CopyOp>(vertex.op);
  ASSERT_EQ(vertex.inputs.size(), 2u);
  EXPECT_TRUE(
      std::holds_alternative<ImageOp>(graph.vertex(vertex.inputs[0]).op));
  EXPECT_TRUE(std::holds_alternative<RunOp>(graph.vertex(vertex.inputs[1]).op));
  for (const CopySource& source : copy.sources) {
    EXPECT_EQ(source.kind, CopySource::Kind::kInput);
    EXPECT_EQ(source.input, 1u);
  }
}

TEST(LowerCopyTest, TakesFilesOfTheStateAStageEndsIn) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base AS a\nFROM base\nRUN x\nCOPY --from=0 /x /y\n");
  const Vertex& vertex = graph.vertex(graph.targets.front().state);
  EXPECT_TRUE(
      std::holds_alternative<ImageOp>(graph.vertex(vertex.inputs[1]).op));
}

TEST(LowerCopyTest, TakesFilesOfANamedContext) {
  Planner planner;
  planner.options.named_contexts = {"src"};
  CopyOp copy =
      OpsOf<CopyOp>(planner.Plan("FROM base\nCOPY --from=src /a /b\n")).back();
  EXPECT_EQ(copy.sources[0].kind, CopySource::Kind::kContext);
  EXPECT_EQ(copy.sources[0].context, "src");
  EXPECT_EQ(copy.sources[0].pattern, "a");
}

TEST(LowerCopyTest, LinkMakesALayerOfItsOwnAndAMerge) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base\nRUN x\nCOPY --link a /b\nRUN y\n");
  auto layers = graph.targets.front().layers;
  ASSERT_EQ(layers.size(), 4u);
  const Vertex& copy = graph.vertex(layers[2]);
  ASSERT_TRUE(std::holds_alternative<CopyOp>(copy.op));
  EXPECT_TRUE(std::get<CopyOp>(copy.op).link);
  EXPECT_TRUE(
      std::holds_alternative<ScratchOp>(graph.vertex(copy.inputs.at(0)).op));
  const Vertex& merged = graph.vertex(graph.vertex(layers[3]).inputs.at(0));
  EXPECT_TRUE(std::holds_alternative<MergeOp>(merged.op));
  EXPECT_THAT(merged.inputs, ElementsAre(layers[1], layers[2]));
}

TEST(LowerCopyTest, LinkWithChmodIsAnOrdinaryCopy) {
  EXPECT_FALSE(LastCopy("COPY --link --chmod=600 a /b").link);
}

TEST(LowerCopyTest, HeredocsBecomeFilesAfterTheOthers) {
  Planner planner;
  BuildGraph graph = planner.Plan(
      "FROM base\nENV N=7\nCOPY file <<A.txt <<\"B.txt\" /dir/\n"
      "n is $N\nA.txt\nn is $N\nB.txt\n");
  CopyOp copy = OpsOf<CopyOp>(graph).back();
  ASSERT_EQ(copy.sources.size(), 3u);
  EXPECT_EQ(copy.sources[0].pattern, "file");
  EXPECT_EQ(copy.sources[1].kind, CopySource::Kind::kInline);
  EXPECT_EQ(copy.sources[1].name, "A.txt");
  EXPECT_EQ(copy.sources[1].content, "n is 7\n");
  EXPECT_EQ(copy.sources[2].name, "B.txt");
  EXPECT_EQ(copy.sources[2].content, "n is $N\n");
  EXPECT_EQ(NewHistory(graph).back(),
            "COPY file <<A.txt <<B.txt /dir/ # buildkit");
}

TEST(LowerCopyTest, AddExtractsUnlessToldNotTo) {
  EXPECT_TRUE(LastCopy("ADD a.tar /x/").add);
  EXPECT_EQ(LastCopy("ADD a.tar /x/").unpack, std::nullopt);
  EXPECT_EQ(LastCopy("ADD --unpack=false a.tar /x/").unpack, false);
  EXPECT_EQ(LastCopy("ADD --unpack a.tar /x/").unpack, true);
  EXPECT_FALSE(LastCopy("COPY a.tar /x/").add);
}

TEST(LowerCopyTest, AddFetchesAUrlAsAVertex) {
  Planner planner;
  std::string digest = oci::Digest::Of("x").ToString();
  BuildGraph graph = planner.Plan("FROM base\nADD --checksum=" + digest +
                                  " https://example.com/d/f[1].tgz?x=1 /x/\n");
  const Vertex& vertex = graph.vertex(graph.targets.front().state);
  const CopyOp& copy = std::get<CopyOp>(vertex.op);
  ASSERT_EQ(copy.sources.size(), 1u);
  EXPECT_TRUE(copy.sources[0].fetched);
  EXPECT_EQ(copy.sources[0].pattern, "f\\[1].tgz");
  ASSERT_EQ(copy.sources[0].input, 1u);
  const FetchOp& fetch =
      std::get<FetchOp>(graph.vertex(vertex.inputs.at(1)).op);
  EXPECT_EQ(fetch.url, "https://example.com/d/f[1].tgz?x=1");
  EXPECT_EQ(fetch.filename, "f[1].tgz");
  ASSERT_TRUE(fetch.checksum.has_value());
  EXPECT_EQ(fetch.checksum->ToString(), digest);
}

TEST(LowerCopyTest, AddTakesAGitTreeAsAVertex) {
  Planner planner;
  BuildGraph graph =
      planner.Plan("FROM base\nADD https://example.com/r.git#v1:sub /x\n");
  const Vertex& vertex = graph.vertex(graph.targets.front().state);
  const auto* git = std::get_if<GitOp>(&graph.vertex(vertex.inputs.at(1)).op);
  ASSERT_NE(git, nullptr);
  EXPECT_EQ(git->source.remote, "https://example.com/r.git");
  EXPECT_EQ(git->source.ref, "v1");
  EXPECT_EQ(git->source.subdir, "sub");
}

struct BadAddCase {
  const char* name;
  const char* instruction;
  const char* message;
};
std::ostream& operator<<(std::ostream& out, const BadAddCase& c) {
  return out << c.instruction;
}
class BadAddTest : public ::testing::TestWithParam<BadAddCase> {};

TEST_P(BadAddTest, IsReported) {
  Planner planner;
  EXPECT_THAT(
      planner.Failure(std::string("FROM base\n") + GetParam().instruction),
      HasSubstr(std::string("2: ") + GetParam().message));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadAddTest,
    ::testing::Values(
        BadAddCase{"ChecksumOfAFile", "ADD --checksum=sha256:x a /b",
                   "checksum can't be specified for non-HTTP(S)"},
        BadAddCase{"BadChecksum", "ADD --checksum=md5:x https://h/a /b", ""},
        BadAddCase{"GitDirOfAFile", "ADD --keep-git-dir a /b",
                   "--keep-git-dir goes with a git source only"},
        BadAddCase{"ConflictingCommits",
                   "ADD --checksum=aaaa https://h/r.git?checksum=bbbb /b",
                   "--checksum contradicts the address"}),
    [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace strake::builder::plan
