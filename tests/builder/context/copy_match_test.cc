#include "builder/context/copy_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "builder/context/build_context.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_tree.h"

namespace strake::builder::context {
namespace {

using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::MakeTree;
using ::strake::testing::TempDir;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class CopyMatchTest : public ::testing::Test {
 protected:
  void Make(std::string_view tree) {
    MakeTree(folder_.path(), tree);
    auto context = OpenLocalContext(folder_.path());
    ASSERT_TRUE(IsOk(context));
    context_ = *std::move(context);
  }

  // "path" of each match, or "path as name" where that differs.
  std::vector<std::string> Match(const std::string& pattern) {
    auto matches = MatchSources(context_.tree(), pattern);
    EXPECT_TRUE(IsOk(matches)) << pattern;
    std::vector<std::string> texts;
    if (!matches) return texts;
    for (const CopyMatch& match : *matches) {
      std::string text = match.path;
      size_t slash = text.rfind('/');
      if (text.substr(slash == std::string::npos ? 0 : slash + 1) !=
          match.name) {
        text += " as " + match.name;
      }
      texts.push_back(text);
    }
    return texts;
  }

  std::string Failure(const std::string& pattern) {
    auto matches = MatchSources(context_.tree(), pattern);
    if (matches) return "no error";
    EXPECT_EQ(matches.error().code(), ErrorCode::kNotFound);
    return matches.error().message();
  }

  TempDir folder_;
  BuildContext context_;
};

TEST_F(CopyMatchTest, LiteralsAndTheRoot) {
  Make("a \"\"\nd/b \"\"");
  EXPECT_THAT(Match(""), ElementsAre(""));
  EXPECT_THAT(Match("a"), ElementsAre("a"));
  EXPECT_THAT(Match("d/b"), ElementsAre("d/b"));
}

TEST_F(CopyMatchTest, WildcardsStayInTheirComponent) {
  Make("a.txt \"\"\nb.txt \"\"\nd/c.txt \"\"\nd/e/f.txt \"\"\n.h.txt \"\"");
  EXPECT_THAT(Match("*.txt"), ElementsAre(".h.txt", "a.txt", "b.txt"));
  EXPECT_THAT(Match("**/*.txt"), ElementsAre("d/c.txt"));
  EXPECT_THAT(Match("d*"), ElementsAre("d"));
  EXPECT_THAT(Match("*/*/f.txt"), ElementsAre("d/e/f.txt"));
  EXPECT_THAT(Match("?.txt"), ElementsAre("a.txt", "b.txt"));
  EXPECT_THAT(Match("[b-z].txt"), ElementsAre("b.txt"));
}

TEST_F(CopyMatchTest, MatchesComeInOrder) {
  Make("b/x \"\"\na/x \"\"\na.b/x \"\"\nc \"\"");
  EXPECT_THAT(Match("*/x"), ElementsAre("a/x", "a.b/x", "b/x"));
}

TEST_F(CopyMatchTest, WildcardsMayMatchNothing) {
  Make("a \"\"");
  EXPECT_THAT(Match("x*"), IsEmpty());
  EXPECT_THAT(Match("a/*"), IsEmpty());
}

TEST_F(CopyMatchTest, LinksAreFollowedBeforeAndBehindWildcards) {
  Make("real/f \"\"\nlink -> real\nd/l -> /real/f\nd/dir -> ../real");
  EXPECT_THAT(Match("link/f"), ElementsAre("real/f"));
  EXPECT_THAT(Match("link/*"), ElementsAre("real/f"));
  EXPECT_THAT(Match("d/*"), ElementsAre("real as dir", "real/f as l"));
  // But not in between.
  EXPECT_THAT(Match("*/f"), ElementsAre("real/f"));
}

TEST_F(CopyMatchTest, LinkCyclesAreErrors) {
  Make("a -> b\nb -> a");
  EXPECT_TRUE(FailsWith(MatchSources(context_.tree(), "a"), ErrorCode::kIo,
                        "too many symlinks"));
}

TEST_F(CopyMatchTest, MissingFilesAreNamed) {
  Make("main.go \"\"\nsrc/util.c \"\"\nl -> gone");
  EXPECT_EQ(Failure("nope"), "\"/nope\": not found");
  EXPECT_EQ(Failure("main.gp"),
            "\"/main.gp\": not found (did you mean \"/main.go\"?)");
  EXPECT_EQ(Failure("srx/util.c"),
            "\"/srx/util.c\": not found (did you mean \"/src\"?)");
  EXPECT_EQ(Failure("l"),
            "\"/l\": not found (a symlink to \"gone\", which is not)");
  EXPECT_EQ(Failure("main.go/x"), "\"/main.go/x\": not found");
}

TEST_F(CopyMatchTest, MalformedPatterns) {
  Make("a \"\"");
  EXPECT_TRUE(FailsWith(MatchSources(context_.tree(), "a["),
                        ErrorCode::kInvalidArgument, "malformed pattern"));
}

TEST_F(CopyMatchTest, IgnoredFilesAreNotThere) {
  Make(
      ".dockerignore \"# comment\\n*.log\\nout\\n!out/keep\\ndeep/*\\n"
      "!deep/a/b\\n\"\n"
      "x.log \"\"\nx.txt \"\"\nout/drop \"\"\nout/keep \"\"\n"
      "deep/a/b \"\"\ndeep/a/c \"\"\ndeep/z/d \"\"\nl -> x.log");
  EXPECT_THAT(Match("x.*"), ElementsAre("x.txt"));
  EXPECT_EQ(Failure("x.log"),
            "\"/x.log\": not found (excluded by .dockerignore:2: *.log)");
  EXPECT_EQ(Failure("out/drop"),
            "\"/out/drop\": not found (excluded by .dockerignore:3: out)");
  EXPECT_THAT(Match("out/*"), ElementsAre("out/keep"));
  // Excluded folders are there as long as something below them is.
  EXPECT_THAT(Match("out"), ElementsAre("out"));
  EXPECT_THAT(Match("deep/*"), ElementsAre("deep/a"));
  EXPECT_EQ(Failure("deep/z"),
            "\"/deep/z\": not found (excluded by .dockerignore:5: deep/*)");
  EXPECT_EQ(Failure("l"),
            "\"/l\": not found (excluded by .dockerignore:2: *.log)");
}

TEST_F(CopyMatchTest, ExcludedLinksLeadNowhere) {
  Make(".dockerignore \"link\"\nreal/f \"\"\nlink -> real");
  EXPECT_EQ(Failure("link/f"),
            "\"/link/f\": not found (excluded by .dockerignore:1: link)");
}

TEST_F(CopyMatchTest, ParentsSplitAtThePivot) {
  Make("x/y/f \"\"\nz/y/f \"\"");
  auto plain = MatchWithParents(context_.tree(), "x/y/f");
  ASSERT_TRUE(IsOk(plain));
  ASSERT_EQ(plain->roots.size(), 1u);
  EXPECT_EQ(plain->roots[0].path, "");
  EXPECT_EQ(plain->include, "x/y/f");
  auto pivot = MatchWithParents(context_.tree(), "./x/./y/*");
  ASSERT_TRUE(IsOk(pivot));
  ASSERT_EQ(pivot->roots.size(), 1u);
  EXPECT_EQ(pivot->roots[0].path, "x");
  EXPECT_EQ(pivot->include, "y/*");
  auto many = MatchWithParents(context_.tree(), "*/./y");
  ASSERT_TRUE(IsOk(many));
  EXPECT_EQ(many->roots.size(), 2u);
}

}  // namespace
}  // namespace strake::builder::context
