#include "builder/cache/content_digest.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <stop_token>
#include <string>

#include "builder/context/build_context.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_tree.h"

namespace strake::builder::cache {
namespace {

using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::MakeTree;
using ::strake::testing::TempDir;

plan::CopyOp Copy(const std::string& pattern) {
  plan::CopyOp op;
  op.sources.emplace_back();
  op.sources[0].pattern = pattern;
  op.destination = "/d/";
  return op;
}

// The digest of what `op` takes out of a folder with `tree`.
std::string DigestOf(std::string_view tree,
                     const plan::CopyOp& op = Copy("s")) {
  TempDir folder;
  MakeTree(folder.path(), tree);
  auto context = context::OpenLocalContext(folder.path());
  if (!context) return context.error().message();
  context::CopyInputs inputs;
  inputs.contexts[""] = context->tree();
  auto digest = DigestCopySources(op, inputs, {});
  EXPECT_TRUE(IsOk(digest));
  return digest ? digest->Hex() : "";
}

// As a stage: owners count.
std::string StageDigestOf(std::string_view tree, plan::CopyOp op = Copy("s")) {
  TempDir folder;
  MakeTree(folder.path(), tree);
  context::CopyInputs inputs;
  context::SourceTree stage;
  stage.root = folder.fd();
  inputs.inputs[1] = stage;
  op.sources[0].kind = plan::CopySource::Kind::kInput;
  op.sources[0].input = 1;
  auto digest = DigestCopySources(op, inputs, {});
  EXPECT_TRUE(IsOk(digest));
  return digest ? digest->Hex() : "";
}

TEST(ContentDigestTest, DependsOnContentOnly) {
  std::string digest = DigestOf("s/a @1 \"A\"\ns/b/c @2 \"C\"");
  EXPECT_EQ(DigestOf("s/b/c @7.5 \"C\"\ns/a 5:6 \"A\"\nother \"x\""), digest);
}

TEST(ContentDigestTest, IsTheSameEverywhere) {
  // Changes only with the format, which then needs a new name.
  EXPECT_EQ(DigestOf("s/a \"A\"\ns/b/ 0700\ns/l -> a", Copy("s")),
            DigestOf("s/a \"A\"\ns/b/ 0700\ns/l -> a", Copy("s")));
}

TEST(ContentDigestTest, SeesEveryChange) {
  std::string digest = DigestOf("s/a \"A\"\ns/l -> a");
  EXPECT_NE(DigestOf("s/a \"B\"\ns/l -> a"), digest);
  EXPECT_NE(DigestOf("s/a 0755 \"A\"\ns/l -> a"), digest);
  EXPECT_NE(DigestOf("s/b \"A\"\ns/l -> a"), digest);
  EXPECT_NE(DigestOf("s/a \"A\"\ns/l -> b"), digest);
  EXPECT_NE(DigestOf("s/a \"A\"\ns/l -> a\ns/x/ 0755"), digest);
  EXPECT_NE(DigestOf("s/a {user.k=v} \"A\"\ns/l -> a"), digest);
  EXPECT_NE(DigestOf("s/a \"A\"\ns/l \"A\""), digest);
  EXPECT_NE(DigestOf("s/a \"A\"\ns/m -> a"), digest);
}

TEST(ContentDigestTest, HardLinksAreNotCopies) {
  EXPECT_NE(DigestOf("s/a \"A\"\ns/b = s/a"), DigestOf("s/a \"A\"\ns/b \"A\""));
}

TEST(ContentDigestTest, NamesOfFilesCountAndOfDirectoriesDoNot) {
  EXPECT_NE(DigestOf("a \"A\"", Copy("a")), DigestOf("b \"A\"", Copy("b")));
  EXPECT_EQ(DigestOf("x/a \"A\"", Copy("x")), DigestOf("y/a \"A\"", Copy("y")));
}

TEST(ContentDigestTest, LeftOutFilesDoNotCount) {
  plan::CopyOp op = Copy("s");
  op.excludes = {"*.log"};
  EXPECT_EQ(DigestOf("s/a \"A\"\ns/x.log \"1\"", op),
            DigestOf("s/a \"A\"\ns/y.log \"2\"", op));
  plan::CopyOp parents = Copy("s/*.c");
  parents.parents = true;
  EXPECT_EQ(DigestOf("s/a.c \"A\"\ns/x \"1\"", parents),
            DigestOf("s/a.c \"A\"\ns/y \"2\"", parents));
  std::string ignore = ".dockerignore \"**/*.log\"\n";
  EXPECT_EQ(DigestOf(ignore + "s/a \"A\"\ns/x.log \"1\""),
            DigestOf(ignore + "s/a \"A\""));
}

TEST(ContentDigestTest, WildcardsThatMatchNothingHaveADigest) {
  EXPECT_EQ(DigestOf("a \"A\"", Copy("x*")), DigestOf("b \"B\"", Copy("x*")));
  EXPECT_NE(DigestOf("a \"A\"", Copy("x*")), DigestOf("x1 \"\"", Copy("x*")));
}

TEST(ContentDigestTest, OwnersCountForStagesUnlessReplaced) {
  EXPECT_NE(StageDigestOf("s/a 1:2 \"A\""), StageDigestOf("s/a 3:4 \"A\""));
  plan::CopyOp op = Copy("s");
  op.chown = "7";
  EXPECT_EQ(StageDigestOf("s/a 1:2 \"A\"", op),
            StageDigestOf("s/a 3:4 \"A\"", op));
}

TEST(ContentDigestTest, ContextAndStageAgree) {
  EXPECT_EQ(DigestOf("s/a 1:2 \"A\""), StageDigestOf("s/a \"A\""));
}

TEST(ContentDigestTest, InlineSourcesCount) {
  plan::CopyOp op;
  op.sources.emplace_back();
  op.sources[0].kind = plan::CopySource::Kind::kInline;
  op.sources[0].name = "EOF";
  op.sources[0].content = "text";
  std::string digest = DigestOf("", op);
  op.sources[0].content = "text2";
  EXPECT_NE(DigestOf("", op), digest);
}

TEST(ContentDigestTest, MissingSourcesAreErrors) {
  TempDir folder;
  context::CopyInputs inputs;
  context::SourceTree tree;
  tree.root = folder.fd();
  inputs.contexts[""] = tree;
  EXPECT_TRUE(FailsWith(DigestCopySources(Copy("x"), inputs, {}),
                        ErrorCode::kNotFound, "\"/x\": not found"));
  inputs.contexts.clear();
  EXPECT_TRUE(FailsWith(DigestCopySources(Copy("x"), inputs, {}),
                        ErrorCode::kInternal));
}

TEST(ContentDigestTest, TreesCountTheirOwnMetadata) {
  TempDir folder;
  MakeTree(folder.path(), "a/f \"x\"\nb/ 0700\nb/f \"x\"\nc/f \"x\"\nl -> c");
  context::SourceTree tree;
  tree.root = folder.fd();
  auto digest = [&](const char* path) {
    auto found = DigestTree(tree, path, {});
    EXPECT_TRUE(IsOk(found));
    return found ? found->Hex() : "";
  };
  EXPECT_NE(digest("a"), digest("b"));
  EXPECT_EQ(digest("a"), digest("c"));
  EXPECT_EQ(digest("l"), digest("c"));
  EXPECT_TRUE(FailsWith(DigestTree(tree, "x", {}), ErrorCode::kNotFound));
}

TEST(ContentDigestTest, StatCacheSparesReading) {
  TempDir folder;
  MakeTree(folder.path(), "s/a \"12345\"\ns/b \"678\"");
  context::CopyInputs inputs;
  context::SourceTree tree;
  tree.root = folder.fd();
  inputs.contexts[""] = tree;
  // Old enough to be trusted.
  ::usleep(100'000);
  StatCache cache;
  std::atomic<uint64_t> read = 0;
  ContentDigestOptions options;
  options.stat_cache = &cache;
  options.on_bytes = [&](uint64_t bytes) { read += bytes; };
  auto first = DigestCopySources(Copy("s"), inputs, options);
  EXPECT_EQ(read, 8u);
  auto second = DigestCopySources(Copy("s"), inputs, options);
  EXPECT_EQ(read, 8u);
  EXPECT_EQ(*first, *second);
  folder.Write("s/a", "54321");
  auto third = DigestCopySources(Copy("s"), inputs, options);
  EXPECT_EQ(read, 13u);
  EXPECT_NE(*first, *third);
}

// Whether each digest is known at once or comes from a thread later.
TEST(ContentDigestTest, DoesNotDependOnWhichThreadReadsAFile) {
  TempDir folder;
  for (int i = 0; i < 400; ++i) {
    const std::string name = "s/" + std::to_string(i % 7);
    folder.Write(
        name + "/" + std::to_string(i),
        std::string(static_cast<size_t>(i * i % 90'000), 'a' + i % 26));
    folder.Symlink("x", name + "/link" + std::to_string(i));
  }
  ASSERT_EQ(0, ::link(folder.path("s/1/50").c_str(),
                      folder.path("s/1/again").c_str()));
  context::CopyInputs inputs;
  context::SourceTree tree;
  tree.root = folder.fd();
  inputs.contexts[""] = tree;
  ::usleep(100'000);
  StatCache cache;
  ContentDigestOptions options;
  options.stat_cache = &cache;
  FileList read;
  options.files = &read;
  auto first = DigestCopySources(Copy("s"), inputs, options);
  FileList remembered;
  options.files = &remembered;
  auto second = DigestCopySources(Copy("s"), inputs, options);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(*first, *second);
  Ingredients listed;
  read.AddTo(listed);
  Ingredients listed_again;
  remembered.AddTo(listed_again);
  EXPECT_EQ(listed, listed_again);
  EXPECT_GT(listed.size(), 800u);
}

TEST(ContentDigestTest, StopsAmidFiles) {
  TempDir folder;
  MakeTree(folder.path(), "s/a \"12345\"\ns/b \"678\"");
  context::CopyInputs inputs;
  context::SourceTree tree;
  tree.root = folder.fd();
  inputs.contexts[""] = tree;
  std::stop_source stop;
  ContentDigestOptions options;
  options.stop = stop.get_token();
  options.on_bytes = [&](uint64_t) { stop.request_stop(); };
  EXPECT_TRUE(FailsWith(DigestCopySources(Copy("s"), inputs, options),
                        ErrorCode::kCancelled));
}

}  // namespace
}  // namespace strake::builder::cache
