#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tasks/trigger/filters.h"
#include "tests/support/expect_result.h"

namespace strake::tasks::trigger {
namespace {

using testing::FailsWith;
using testing::IsOk;

struct Match {
  const char* pattern;
  const char* name;
  bool matches;
};

TEST(NamePatternTest, MatchesWholeNames) {
  const Match kMatches[] = {
      {"main", "main", true},
      {"main", "main2", false},
      {"main", "maim", false},
      {"release/*", "release/1", true},
      {"release/*", "release/1/2", false},
      {"release/*", "release/", true},
      {"release/**", "release/1/2", true},
      {"**/fix", "a/b/fix", true},
      {"**", "", true},
      {"*", "", true},
      {"*", "a/b", false},
      {"v?.*", "v1.22", true},
      {"v?.*", "v10.2", false},
      {"a?b", "a/b", false},
      {"*a*b*", "xaxbx", true},
      {"*a*b*", "xbxax", false},
      {"a.c", "abc", false},
      {"[a]", "[a]", true},
      {"", "", true},
      {"", "a", false},
  };
  for (const Match& match : kMatches) {
    EXPECT_EQ(MatchesName(match.pattern, match.name), match.matches)
        << match.pattern << " " << match.name;
  }
  // No pattern makes it slow.
  std::string stars;
  for (int i = 0; i < 100; ++i) stars += "*a";
  EXPECT_FALSE(MatchesName(stars + "b", std::string(1000, 'a')));
}

TEST(NamePatternTest, TheLastMatchDecides) {
  auto matches = [](std::vector<std::string> patterns, std::string_view name) {
    auto compiled = NamePatterns::Compile(std::move(patterns));
    EXPECT_TRUE(IsOk(compiled));
    return compiled && compiled->Matches(name);
  };
  EXPECT_FALSE(matches({}, "main"));
  EXPECT_TRUE(matches({"release/*", "!release/old"}, "release/1"));
  EXPECT_FALSE(matches({"release/*", "!release/old"}, "release/old"));
  EXPECT_TRUE(matches({"*", "!x*", "xy"}, "xy"));
  EXPECT_TRUE(matches({"!wip/**"}, "main"));
  EXPECT_FALSE(matches({"!wip/**"}, "wip/a/b"));
  EXPECT_TRUE(FailsWith(NamePatterns::Compile({"main", "!"}),
                        ErrorCode::kInvalidArgument, "the pattern \"!\""));
  EXPECT_TRUE(
      FailsWith(NamePatterns::Compile({""}), ErrorCode::kInvalidArgument));
}

WebhookEvent Push(const std::string& branch,
                  std::optional<std::vector<std::string>> paths = {}) {
  WebhookEvent event;
  event.branch = branch;
  event.ref = "refs/heads/" + branch;
  event.changed_paths = std::move(paths);
  return event;
}

void Expect(const FilterOptions& options, const WebhookEvent& event, bool runs,
            std::string_view reason) {
  auto filters = Filters::Compile(options);
  ASSERT_TRUE(IsOk(filters));
  Decision decision = filters->Decide(event);
  EXPECT_EQ(decision.runs, runs) << decision.reason;
  EXPECT_EQ(decision.reason, reason);
}

TEST(FiltersTest, AskForTheBranch) {
  FilterOptions options;
  Expect(options, Push("x"), true, "the branch x is any");
  options.branches = {"main", "release/*"};
  Expect(options, Push("main"), true,
         "the branch main matches main, release/*");
  Expect(options, Push("topic"), false,
         "the branch topic does not match main, release/*");
  options.commits = false;
  Expect(options, Push("main"), false, "the task does not run for commits");
}

TEST(FiltersTest, AskForTheTargetOfAPullRequest) {
  FilterOptions options;
  options.branches = {"main"};
  WebhookEvent event = Push("main");
  event.kind = EventKind::kPullRequest;
  event.head_branch = "topic";
  Expect(options, event, false, "the task does not run for pull requests");
  options.pull_requests = true;
  Expect(options, event, true, "the branch main matches main");
  event.branch = "old";
  Expect(options, event, false, "the branch old does not match main");
}

TEST(FiltersTest, AskForTheTagOnly) {
  FilterOptions options;
  options.paths = {"src"};
  WebhookEvent event;
  event.kind = EventKind::kTagPush;
  event.tag = "v1.2";
  Expect(options, event, false,
         "the tag v1.2 was pushed, and the task has no pattern for tags");
  options.tags = {"v*", "!*-rc"};
  Expect(options, event, true, "the tag v1.2 matches v*, !*-rc");
  event.tag = "v1.2-rc";
  Expect(options, event, false, "the tag v1.2-rc does not match v*, !*-rc");
}

TEST(FiltersTest, AskForChangedPaths) {
  FilterOptions options;
  options.paths = {"src", "/docs/*.md", "!src/generated"};
  Expect(options, Push("x", {{"README", "src/a/b.cc"}}), true,
         "the branch x is any; src/a/b.cc changed, which matches src, "
         "/docs/*.md, !src/generated");
  Expect(options, Push("x", {{"docs/a.md"}}), true,
         "the branch x is any; docs/a.md changed, which matches src, "
         "/docs/*.md, !src/generated");
  Expect(options, Push("x", {{"src/generated/a", "docs/a/b.md"}}), false,
         "none of 2 changed paths matches src, /docs/*.md, !src/generated");
  Expect(options, Push("x"), true,
         "the branch x is any; which paths changed is not known, so that src, "
         "/docs/*.md, !src/generated may match");
  Expect(options, Push("x", {{}}), false,
         "none of 0 changed paths matches src, /docs/*.md, !src/generated");
}

TEST(FiltersTest, OnlyExclusionsTakeAllElse) {
  FilterOptions options;
  options.paths = {"!docs", "!**/*.md"};
  Expect(options, Push("x", {{"docs/a", "src/README.md"}}), false,
         "none of 2 changed paths matches !docs, !**/*.md");
  Expect(options, Push("x", {{"docs/a", "src/a.cc"}}), true,
         "the branch x is any; src/a.cc changed, which matches !docs, "
         "!**/*.md");
}

TEST(FiltersTest, NamesAPatternThatIsWrong) {
  FilterOptions options;
  options.paths = {"a[", "b"};
  EXPECT_TRUE(FailsWith(Filters::Compile(options), ErrorCode::kInvalidArgument,
                        "the path filter"));
}

}  // namespace
}  // namespace strake::tasks::trigger
