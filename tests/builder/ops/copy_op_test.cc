#include "builder/ops/copy_op.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <vector>

#include "builder/context/build_context.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_tree.h"

namespace strake::builder::ops {
namespace {

using ::strake::testing::DescribeTree;
using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::MakeTree;
using ::strake::testing::TempDir;
using Kind = plan::CopySource::Kind;

plan::CopySource From(Kind kind, const std::string& pattern) {
  plan::CopySource source;
  source.kind = kind;
  source.pattern = pattern;
  source.input = 1;
  return source;
}

plan::CopySource Inline(const std::string& name, const std::string& content) {
  plan::CopySource source;
  source.kind = Kind::kInline;
  source.name = name;
  source.content = content;
  return source;
}

plan::CopyOp Copy(const std::vector<std::string>& patterns,
                  const std::string& destination, Kind kind = Kind::kContext) {
  plan::CopyOp op;
  for (const std::string& pattern : patterns) {
    op.sources.push_back(From(kind, pattern));
  }
  op.destination = destination;
  return op;
}

// A context, an image it is copied onto, and another stage (input 1).
class Scene {
 public:
  Result<CopySummary> Run(const plan::CopyOp& op) {
    auto context = context::OpenLocalContext(context_.path());
    if (!context) return std::move(context).error();
    context::CopyInputs inputs;
    inputs.contexts[""] = context->tree();
    context::SourceTree stage;
    stage.root = stage_.fd();
    inputs.inputs[1] = stage;
    WriteTarget target;
    target.root = target_.fd();
    return ExecuteCopy(op, inputs, target, environment);
  }

  void Context(std::string_view tree) { MakeTree(context_.path(), tree); }
  void Stage(std::string_view tree) { MakeTree(stage_.path(), tree); }
  void Target(std::string_view tree) { MakeTree(target_.path(), tree); }
  std::string Target() const { return DescribeTree(target_.path()); }
  std::string TargetWithTimes() const {
    return DescribeTree(target_.path(), {.times = true});
  }
  const TempDir& context_dir() const { return context_; }
  const TempDir& target_dir() const { return target_; }

  CopyEnvironment environment;

 private:
  TempDir context_, stage_, target_;
};

struct Case {
  std::string name;
  std::string context;
  std::string target;
  plan::CopyOp op;
  std::string expected;  // the target afterwards
  std::string error;     // or what the error says
};

class CopyOpCases : public ::testing::TestWithParam<Case> {};

TEST_P(CopyOpCases, GiveTheTree) {
  Scene scene;
  scene.Context(GetParam().context);
  scene.Target(GetParam().target);
  auto copied = scene.Run(GetParam().op);
  if (!GetParam().error.empty()) {
    ASSERT_FALSE(copied) << scene.Target();
    EXPECT_THAT(copied.error().message(),
                ::testing::HasSubstr(GetParam().error));
    return;
  }
  ASSERT_TRUE(IsOk(copied));
  EXPECT_EQ(scene.Target(), GetParam().expected);
}

std::vector<Case> DestinationCases() {
  return {
      {"FileBecomesTheDestination", "a \"A\"", "", Copy({"a"}, "/b"),
       "b \"A\"\n", ""},
      {"TrailingSlashMakesADirectory", "a \"A\"", "", Copy({"a"}, "/x/y/"),
       "x/\nx/y/\nx/y/a \"A\"\n", ""},
      {"MissingParentsAreMade", "a \"A\"", "", Copy({"a"}, "/x/y/z"),
       "x/\nx/y/\nx/y/z \"A\"\n", ""},
      {"ExistingDirectoryReceivesTheFile", "a \"A\"", "d/ 0700",
       Copy({"a"}, "/d"), "d/ 0700\nd/a \"A\"\n", ""},
      {"RootReceivesTheFile", "s/a \"A\"", "", Copy({"s/a"}, "/"), "a \"A\"\n",
       ""},
      {"DirectoryMeansItsContent", "s/a \"A\"\ns/t/b \"B\"", "",
       Copy({"s"}, "/d"), "d/\nd/a \"A\"\nd/t/\nd/t/b \"B\"\n", ""},
      {"DirectoryIntoRoot", "s/a \"A\"\ns/t/ 0700", "", Copy({"s"}, "/"),
       "a \"A\"\nt/ 0700\n", ""},
      {"WholeContext", "a \"A\"\nb/c \"C\"", "", Copy({""}, "/d"),
       "d/\nd/a \"A\"\nd/b/\nd/b/c \"C\"\n", ""},
      {"MadeDirectoryHasNotTheSourcesMode", "s/ 0700\ns/a \"A\"", "",
       Copy({"s"}, "/d/"), "d/\nd/a \"A\"\n", ""},
      {"ExistingTopDirectoryKeepsItsMetadata", "s/a \"A\"", "d/ 0711 7:8",
       Copy({"s"}, "/d"), "d/ 0711 7:8\nd/a \"A\"\n", ""},
      {"ExistingNestedDirectoryIsOverwritten", "s/n/ 0710\ns/n/a \"A\"",
       "d/n/ 0777 7:8\nd/n/old \"O\"", Copy({"s"}, "/d"),
       "d/\nd/n/ 0710\nd/n/a \"A\"\nd/n/old \"O\"\n", ""},
      {"FileReplacesFile", "a 0600 \"new\"", "b 0777 5:5 \"old\"",
       Copy({"a"}, "/b"), "b 0600 \"new\"\n", ""},
      {"HardLinkOfTheOldFileStays", "a \"new\"", "b \"old\"\nc = b",
       Copy({"a"}, "/b"), "b \"new\"\nc \"old\"\n", ""},
      {"FileOverDirectory", "s/m \"x\"", "m/ 0755", Copy({"s"}, "/"), "",
       "cannot replace to directory /m with file"},
      {"DirectoryOverFile", "s/m/ 0755", "m \"x\"", Copy({"s"}, "/"), "",
       "cannot copy to non-directory: /m"},
      {"DirectoryOntoFileDestination", "s/a \"A\"", "m \"x\"",
       Copy({"s"}, "/m"), "", "cannot copy to non-directory: /m"},
      {"FileBelowAFile", "a \"A\"", "m \"x\"", Copy({"a"}, "/m/"), "",
       "/m is not a directory"},
      {"SeveralSourcesIntoADirectory", "a \"A\"\nb \"B\"\ns/c \"C\"", "",
       Copy({"a", "b", "s"}, "/d/"), "d/\nd/a \"A\"\nd/b \"B\"\nd/c \"C\"\n",
       ""},
      {"WildcardWithoutMatchMakesNothing", "a \"A\"", "", Copy({"b*"}, "/x/y/"),
       "", ""},
      {"MissingFolderBeforeAWildcard", "a \"A\"", "", Copy({"x/b*"}, "/"), "",
       "\"/x\": not found"},
      // BuildKit does not reject it, whatever its documentation says.
      {"SeveralSourcesWithoutSlashOverwriteEachOther", "a \"A\"\nb \"B\"", "",
       Copy({"a", "b"}, "/d"), "d \"B\"\n", ""},
  };
}

std::vector<Case> SymlinkCases() {
  return {
      {"SourceLinkIsFollowed", "real \"R\"\nlink -> real", "",
       Copy({"link"}, "/d/"), "d/\nd/link \"R\"\n", ""},
      {"SourceLinkOnTheWayIsFollowed", "real/a \"A\"\nlink -> /real", "",
       Copy({"link/a"}, "/"), "a \"A\"\n", ""},
      {"SourceLinkToDirectoryMeansItsContent", "real/a \"A\"\nlink -> real", "",
       Copy({"link"}, "/d"), "d/\nd/a \"A\"\n", ""},
      {"SourceLinkStaysInside", "link -> ../../../etc/hostname", "",
       Copy({"link"}, "/"), "", "\"/link\": not found"},
      {"DeeperLinksAreCopied", "s/l -> nowhere\ns/a \"A\"", "",
       Copy({"s"}, "/"), "a \"A\"\nl -> nowhere\n", ""},
      {"DanglingSource", "link -> nowhere", "", Copy({"link"}, "/"), "",
       "\"/link\": not found (a symlink to \"nowhere\", which is not)"},
      {"DestinationLinkIsFollowed", "a \"A\"", "t/ 0755\nl -> t",
       Copy({"a"}, "/l/"), "l -> t\nt/\nt/a \"A\"\n", ""},
      {"DestinationLinkStaysInside", "a \"A\"", "l -> /../../t",
       Copy({"a"}, "/l/"), "l -> /../../t\nt/\nt/a \"A\"\n", ""},
      {"DanglingDestinationLinkIsFilled", "s/a \"A\"", "l -> t",
       Copy({"s"}, "/l/sub/"), "l -> t\nt/\nt/sub/\nt/sub/a \"A\"\n", ""},
      {"DestinationLinkToFileIsWrittenThroughByReplacing", "a \"new\"",
       "f \"old\"\nl -> f", Copy({"a"}, "/l"), "f \"new\"\nl -> f\n", ""},
      {"LinkInsideADirectoryIsReplaced", "a \"new\"", "f \"old\"\nd/a -> ../f",
       Copy({"a"}, "/d"), "d/\nd/a \"new\"\nf \"old\"\n", ""},
      {"NestedLinkToDirectoryIsNoDirectory", "s/n/a \"A\"", "t/ 0755\nn -> t",
       Copy({"s"}, "/"), "", "cannot copy to non-directory: /n"},
      {"LinkReplacesFile", "s/x -> y", "x \"X\"", Copy({"s"}, "/"), "x -> y\n",
       ""},
  };
}

plan::CopyOp With(plan::CopyOp op, const std::string& chown,
                  const std::string& chmod) {
  op.chown = chown;
  op.chmod = chmod;
  return op;
}

std::vector<Case> MetadataCases() {
  return {
      {"ContextFilesBelongToRoot", "a 0640 5:6 \"A\"", "", Copy({"a"}, "/"),
       "a 0640 \"A\"\n", ""},
      {"ChownSetsFilesAndImpliedParents", "s/a \"A\"\ns/l -> a", "",
       With(Copy({"s"}, "/x/y"), "7:8", ""),
       "x/ 7:8\nx/y/ 7:8\nx/y/a 7:8 \"A\"\nx/y/l 7:8 -> a\n", ""},
      {"ChownLeavesExistingParents", "a \"A\"", "x/ 0755",
       With(Copy({"a"}, "/x/y/"), "7:8", ""), "x/\nx/y/ 7:8\nx/y/a 7:8 \"A\"\n",
       ""},
      {"ChownByName", "a \"A\"",
       "etc/passwd \"root:x:0:0::/root:\\nbob:x:11:22::/:\\n\"\n"
       "etc/group \"crew:x:33:\\n\"",
       With(Copy({"a"}, "/a"), "bob:crew", ""),
       "a 11:33 \"A\"\netc/\netc/group \"crew:x:33:\\n\"\netc/passwd "
       "\"root:x:0:0::/root:\\nbob:x:11:22::/:\\n\"\n",
       ""},
      {"OctalChmodSetsImpliedParents", "s/a \"A\"\ns/t/ 0700", "",
       With(Copy({"s"}, "/x/y"), "", "0750"),
       "x/ 0750\nx/y/ 0750\nx/y/a 0750 \"A\"\nx/y/t/ 0750\n", ""},
      {"OctalChmodKeepsSpecialBits", "a \"A\"", "",
       With(Copy({"a"}, "/a"), "", "4755"), "a 4755 \"A\"\n", ""},
      {"SymbolicChmodLeavesImpliedParents", "s/a 0600 \"A\"\ns/t/ 0700", "",
       With(Copy({"s"}, "/x"), "", "u=rwX,go=rX"), "x/\nx/a \"A\"\nx/t/\n", ""},
      {"ChmodIsNotForSymlinks", "s/l -> a", "",
       With(Copy({"s"}, "/"), "", "0600"), "l -> a\n", ""},
      {"ChmodLeavesExistingTopDirectory", "s/a \"A\"", "d/ 0711",
       With(Copy({"s"}, "/d"), "", "0600"), "d/ 0711\nd/a 0600 \"A\"\n", ""},
      {"BadChmod", "a \"A\"", "", With(Copy({"a"}, "/a"), "", "999"), "",
       "invalid --chmod \"999\""},
      {"XattrsAreCopied", "a {user.k=v} \"A\"\ns/ {user.d=w}", "",
       Copy({""}, "/"), "a {user.k=v} \"A\"\ns/ {user.d=w}\n", ""},
      {"SetIdBitsSurvive", "a 6755 7:7 \"A\"", "", Copy({"a"}, "/a"),
       "a 6755 \"A\"\n", ""},
      {"HardLinksStayTogether", "s/a \"A\"\ns/t/b = s/a", "", Copy({"s"}, "/"),
       "a \"A\"\nt/\nt/b = a\n", ""},
      {"HardLinksOfSeveralSourcesDoNot", "a \"A\"\nb = a", "",
       Copy({"a", "b"}, "/d/"), "d/\nd/a \"A\"\nd/b \"A\"\n", ""},
      {"SpecialFilesAreMade", "s/p |\ns/n c1:3 0666", "", Copy({"s"}, "/"),
       "n c1:3 0666\np |\n", ""},
  };
}

plan::CopyOp Parents(const std::vector<std::string>& patterns,
                     const std::string& destination) {
  plan::CopyOp op = Copy(patterns, destination);
  op.parents = true;
  return op;
}

plan::CopyOp Excluding(plan::CopyOp op, std::vector<std::string> excludes) {
  op.excludes = std::move(excludes);
  return op;
}

std::vector<Case> FilterCases() {
  const std::string tree =
      "x/ 0700\nx/a.txt \"1\"\nx/y/b.txt \"2\"\nx/y/c.md \"3\"\nz/d.txt \"4\"";
  return {
      {"ParentsKeepTheWay", tree, "", Parents({"x/y/b.txt"}, "/d/"),
       "d/\nd/x/ 0700\nd/x/y/\nd/x/y/b.txt \"2\"\n", ""},
      {"ParentsNeedNoSlash", tree, "", Parents({"x/a.txt"}, "/d"),
       "d/\nd/x/ 0700\nd/x/a.txt \"1\"\n", ""},
      {"ParentsOfADirectoryTakeAllOfIt", tree, "", Parents({"x/y"}, "/d/"),
       "d/\nd/x/ 0700\nd/x/y/\nd/x/y/b.txt \"2\"\nd/x/y/c.md \"3\"\n", ""},
      {"ParentsWithStars", tree, "", Parents({"**/*.txt"}, "/d/"),
       "d/\nd/x/ 0700\nd/x/a.txt \"1\"\nd/x/y/\nd/x/y/b.txt \"2\"\n"
       "d/z/\nd/z/d.txt \"4\"\n",
       ""},
      {"ParentsWithOneStarPerComponent", tree, "", Parents({"*/*.txt"}, "/d/"),
       "d/\nd/x/ 0700\nd/x/a.txt \"1\"\nd/z/\nd/z/d.txt \"4\"\n", ""},
      {"PivotCutsThePrefix", tree, "", Parents({"x/./y/*.txt"}, "/d/"),
       "d/\nd/y/\nd/y/b.txt \"2\"\n", ""},
      {"PivotTakesWildcardsBefore", tree, "", Parents({"*/./*.txt"}, "/d/"),
       "d/\nd/a.txt \"1\"\nd/d.txt \"4\"\n", ""},
      {"ParentsMissingLiteral", tree, "", Parents({"x/nope"}, "/d/"), "",
       "\"/x/nope\": not found"},
      {"ParentsMissingBehindPivot", tree, "", Parents({"x/./nope"}, "/d/"), "",
       "\"/x/nope\": not found"},
      {"ParentsWithoutMatch", tree, "", Parents({"*/*.nope"}, "/d/"), "d/\n",
       ""},
      {"ParentsOfEverything", "a \"A\"\nb/c \"C\"", "", Parents({""}, "/d/"),
       "d/\nd/a \"A\"\nd/b/\nd/b/c \"C\"\n", ""},
      {"ParentsChangeOnlyTheModeOfExisting", tree, "d/x/ 0777 5:5",
       Parents({"x/a.txt"}, "/d/"), "d/\nd/x/ 0700 5:5\nd/x/a.txt \"1\"\n", ""},
      {"ParentsTakeChown", tree, "", With(Parents({"z/d.txt"}, "/d/"), "7", ""),
       "d/ 7:7\nd/z/ 7:7\nd/z/d.txt 7:7 \"4\"\n", ""},
      {"ExcludeIsRelativeToTheSource", tree, "",
       Excluding(Copy({"x"}, "/"), {"y/*.txt"}),
       "a.txt \"1\"\ny/\ny/c.md \"3\"\n", ""},
      {"ExcludeADirectory", tree, "", Excluding(Copy({"x"}, "/"), {"y"}),
       "a.txt \"1\"\n", ""},
      {"ExcludeAllButOne", tree, "",
       Excluding(Copy({"x"}, "/"), {"*", "!y/c.md"}), "y/\ny/c.md \"3\"\n", ""},
      {"ExcludeAppliesToEachMatch", tree, "",
       Excluding(Copy({"*"}, "/d/"), {"*.txt"}),
       "d/\nd/y/\nd/y/b.txt \"2\"\n"
       "d/y/c.md \"3\"\n",
       ""},
      {"ExcludeWithParents", tree, "",
       Excluding(Parents({"x"}, "/"), {"**/*.md"}),
       "x/ 0700\nx/a.txt \"1\"\nx/y/\nx/y/b.txt \"2\"\n", ""},
      {"ExcludeIsNotForTheNamedFileItself", "a \"A\"\nb \"B\"", "",
       Excluding(Copy({"*"}, "/d/"), {"a"}), "d/\nd/a \"A\"\nd/b \"B\"\n", ""},
      {"BadExclude", tree, "", Excluding(Copy({"x"}, "/"), {"!"}), "",
       "illegal exclusion pattern"},
  };
}

std::string NameOf(const ::testing::TestParamInfo<Case>& info) {
  return info.param.name;
}
INSTANTIATE_TEST_SUITE_P(Destination, CopyOpCases,
                         ::testing::ValuesIn(DestinationCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Symlinks, CopyOpCases,
                         ::testing::ValuesIn(SymlinkCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Metadata, CopyOpCases,
                         ::testing::ValuesIn(MetadataCases()), NameOf);
INSTANTIATE_TEST_SUITE_P(Filter, CopyOpCases,
                         ::testing::ValuesIn(FilterCases()), NameOf);

TEST(CopyOpTest, StageFilesKeepTheirOwners) {
  Scene scene;
  scene.Stage("s/a 5:6 \"A\"\ns/t/ 7:8");
  ASSERT_TRUE(IsOk(scene.Run(Copy({"s"}, "/", Kind::kInput))));
  EXPECT_EQ(scene.Target(), "a 5:6 \"A\"\nt/ 7:8\n");
}

TEST(CopyOpTest, IgnoreRulesAreForTheContextOnly) {
  Scene scene;
  scene.Context(".dockerignore \"*.log\"\na.log \"A\"\nb \"B\"");
  scene.Stage("a.log \"A\"");
  ASSERT_TRUE(IsOk(scene.Run(Copy({""}, "/c/"))));
  ASSERT_TRUE(IsOk(scene.Run(Copy({""}, "/s/", Kind::kInput))));
  EXPECT_EQ(scene.Target(),
            "c/\nc/.dockerignore \"*.log\"\nc/b \"B\"\ns/\ns/a.log \"A\"\n");
}

TEST(CopyOpTest, TimesOfSourcesSurviveToTheNanosecond) {
  Scene scene;
  scene.Context(
      "s/a @1234.000000567 \"A\"\ns/l @-5.000000009 -> a\n"
      "s/t/ @99.5\ns/t/b @7.000000001 \"B\"");
  scene.Target("d/ @42.000000042");
  ASSERT_TRUE(IsOk(scene.Run(Copy({"s"}, "/d"))));
  EXPECT_EQ(scene.TargetWithTimes(),
            "d/ @42.000000042\nd/a @1234.000000567 \"A\"\n"
            "d/l @-5.000000009 -> a\nd/t/ @99.000000005\n"
            "d/t/b @7.000000001 \"B\"\n");
}

TEST(CopyOpTest, EpochIsTheTimeOfEverything) {
  Scene scene;
  scene.Context("a @1234.5 \"A\"\nb \"B\"");
  scene.environment.epoch = std::chrono::nanoseconds(7'000'000'003);
  plan::CopyOp op = Copy({"a", "b"}, "/x/y/");
  op.sources.push_back(Inline("c", "C"));
  ASSERT_TRUE(IsOk(scene.Run(op)));
  EXPECT_EQ(scene.TargetWithTimes(),
            "x/ @7.000000003\nx/y/ @7.000000003\nx/y/a @7.000000003 \"A\"\n"
            "x/y/b @7.000000003 \"B\"\nx/y/c @7.000000003 \"C\"\n");
}

TEST(CopyOpTest, InlineSourcesAreRootsWith0644) {
  Scene scene;
  plan::CopyOp op;
  op.sources = {Inline("a.txt", "one\n"), Inline("b.txt", "two\n")};
  op.destination = "/d/";
  ASSERT_TRUE(IsOk(scene.Run(op)));
  EXPECT_EQ(scene.Target(), "d/\nd/a.txt \"one\\n\"\nd/b.txt \"two\\n\"\n");
}

TEST(CopyOpTest, InlineSourceTakesNameModeAndOwner) {
  Scene scene;
  scene.Target("f \"old\"");
  plan::CopyOp op;
  op.sources = {Inline("EOF", "new")};
  op.destination = "/f";
  op.chmod = "+x";
  op.chown = "3:4";
  ASSERT_TRUE(IsOk(scene.Run(op)));
  EXPECT_EQ(scene.Target(), "f 0755 3:4 \"new\"\n");
}

TEST(CopyOpTest, FetchedNameIsNoPattern) {
  Scene scene;
  scene.Stage("file[1]*.bin 0600 \"F\"\nfile1.bin \"G\"");
  plan::CopyOp op = Copy({"file[1]*.bin"}, "/d/", Kind::kInput);
  op.sources[0].fetched = true;
  op.add = true;
  ASSERT_TRUE(IsOk(scene.Run(op)));
  EXPECT_EQ(scene.Target(), "d/\nd/file[1]*.bin 0600 \"F\"\n");
}

TEST(CopyOpTest, UnknownOwnerIsRootWithAWarning) {
  Scene scene;
  scene.Context("a \"A\"");
  auto copied = scene.Run(With(Copy({"a"}, "/a"), "nobody-here", ""));
  ASSERT_TRUE(IsOk(copied));
  EXPECT_EQ(scene.Target(), "a \"A\"\n");
  ASSERT_EQ(copied->warnings.size(), 1u);
  EXPECT_THAT(copied->warnings[0], ::testing::HasSubstr("nobody-here"));
}

TEST(CopyOpTest, LinkedCopyCannotLookNamesUp) {
  Scene scene;
  scene.Context("a \"A\"");
  plan::CopyOp op = With(Copy({"a"}, "/a"), "bob", "");
  op.link = true;
  EXPECT_TRUE(FailsWith(scene.Run(op), ErrorCode::kInvalidArgument,
                        "names cannot be looked up"));
  op.chown = "root:5";
  ASSERT_TRUE(IsOk(scene.Run(op)));
  EXPECT_EQ(scene.Target(), "a 0:5 \"A\"\n");
}

TEST(CopyOpTest, CountsFilesAndBytes) {
  Scene scene;
  scene.Context("s/a \"12345\"\ns/t/b \"678\"\ns/l -> a");
  uint64_t seen = 0;
  scene.environment.on_bytes = [&](uint64_t bytes) { seen += bytes; };
  auto copied = scene.Run(Copy({"s"}, "/"));
  ASSERT_TRUE(IsOk(copied));
  EXPECT_EQ(copied->files, 4u);
  EXPECT_EQ(copied->content_bytes, 8u);
  EXPECT_EQ(seen, 8u);
}

TEST(CopyOpTest, StopsBetweenFiles) {
  Scene scene;
  scene.Context("s/a \"1\"\ns/b \"2\"\ns/c \"3\"");
  std::stop_source stop;
  scene.environment.stop = stop.get_token();
  scene.environment.on_bytes = [&](uint64_t) { stop.request_stop(); };
  EXPECT_TRUE(FailsWith(scene.Run(Copy({"s"}, "/")), ErrorCode::kCancelled));
  EXPECT_EQ(scene.Target(), "a \"1\"\n");
}

TEST(CopyOpTest, NamedContextThatWasNotOpenedIsOurMistake) {
  Scene scene;
  plan::CopyOp op = Copy({"a"}, "/");
  op.sources[0].context = "other";
  EXPECT_TRUE(FailsWith(scene.Run(op), ErrorCode::kInternal, "other"));
}

TEST(CopyOpTest, SparseFilesStaySparse) {
  Scene scene;
  std::string path = scene.context_dir().path("big");
  scene.context_dir().Write("big", "start");
  ASSERT_EQ(::truncate(path.c_str(), off_t{64} << 20), 0);
  ASSERT_TRUE(IsOk(scene.Run(Copy({"big"}, "/"))));
  struct stat st;
  ASSERT_EQ(::stat(scene.target_dir().path("big").c_str(), &st), 0);
  EXPECT_EQ(st.st_size, off_t{64} << 20);
  EXPECT_LT(st.st_blocks * 512, 1 << 20);
}

TEST(CopyOpTest, WarnsOfExcludeThatDoesNothing) {
  Scene scene;
  scene.Context("a \"A\"");
  auto copied = scene.Run(Excluding(Copy({"a"}, "/d/"), {"a"}));
  ASSERT_TRUE(IsOk(copied));
  ASSERT_EQ(copied->warnings.size(), 1u);
  EXPECT_THAT(copied->warnings[0], ::testing::HasSubstr("/a"));
}

TEST(CopyOpTest, WarnsOfParentsThatCopiedNothing) {
  Scene scene;
  scene.Context("real/a \"A\"\nlink -> real");
  auto copied = scene.Run(Parents({"link/a"}, "/d/"));
  ASSERT_TRUE(IsOk(copied));
  EXPECT_EQ(copied->files, 0u);
  ASSERT_EQ(copied->warnings.size(), 1u);
  EXPECT_THAT(copied->warnings[0], ::testing::HasSubstr("symlink"));
}

}  // namespace
}  // namespace strake::builder::ops
