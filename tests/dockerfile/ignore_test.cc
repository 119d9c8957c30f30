#include "dockerfile/ignore.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "util/byte_stream.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct IgnoreCase {
  std::string title;
  std::string patterns;  // an ignore file
  // Each path, and the mark in front of it.
  std::vector<std::pair<char, std::string>> paths;
};

// The blocks of testdata/ignore; their syntax stands at the top of each file.
std::vector<IgnoreCase> ReadCases(const std::string& name) {
  std::vector<IgnoreCase> cases;
  auto text = ReadFile(STRAKE_SOURCE_DIR "/tests/testdata/ignore/" + name);
  if (!text) return cases;
  for (std::string_view line : Split(*text, '\n')) {
    if (line.substr(0, 4) == "=== ") {
      cases.emplace_back().title = line.substr(4);
    } else if (cases.empty()) {
      continue;
    } else if (line.substr(0, 2) == "+ " || line.substr(0, 2) == "- ") {
      cases.back().paths.emplace_back(line[0], line.substr(2));
    } else {
      cases.back().patterns += std::string(line) + "\n";
    }
  }
  return cases;
}

TEST(IgnoreMatcherTest, FollowsTheTable) {
  std::vector<IgnoreCase> cases = ReadCases("patterns.txt");
  ASSERT_GE(cases.size(), 60u);
  for (const IgnoreCase& c : cases) {
    SCOPED_TRACE(c.title);
    auto matcher = IgnoreMatcher::Compile(ReadIgnoreFile(c.patterns));
    ASSERT_TRUE(matcher) << matcher.error().message();
    ASSERT_FALSE(c.paths.empty());
    for (const auto& [mark, path] : c.paths) {
      EXPECT_EQ(matcher->Excludes(path), mark == '-') << path;
    }
  }
}

TEST(IgnoreMatcherTest, PrunesByTheTable) {
  std::vector<IgnoreCase> cases = ReadCases("prune.txt");
  ASSERT_GT(cases.size(), 8u);
  for (const IgnoreCase& c : cases) {
    SCOPED_TRACE(c.title);
    auto matcher = IgnoreMatcher::Compile(ReadIgnoreFile(c.patterns));
    ASSERT_TRUE(matcher) << matcher.error().message();
    for (const auto& [mark, path] : c.paths) {
      EXPECT_EQ(matcher->CanPrune(path), mark == '-') << path;
    }
  }
}

// Whatever the table says of a path, pruning must never hide it.
TEST(IgnoreMatcherTest, NeverPrunesWhatIsIncludedBelow) {
  for (const IgnoreCase& c : ReadCases("patterns.txt")) {
    SCOPED_TRACE(c.title);
    auto matcher = IgnoreMatcher::Compile(ReadIgnoreFile(c.patterns));
    ASSERT_TRUE(matcher);
    for (const auto& [mark, path] : c.paths) {
      if (mark == '-') continue;
      for (size_t slash = path.find('/'); slash != std::string::npos;
           slash = path.find('/', slash + 1)) {
        std::string folder = path.substr(0, slash);
        if (!matcher->Excludes(folder)) continue;
        EXPECT_FALSE(matcher->CanPrune(folder)) << path << ", " << folder;
      }
    }
  }
}

TEST(IgnoreMatcherTest, EnterGivesWhatExcludesGives) {
  for (const IgnoreCase& c : ReadCases("patterns.txt")) {
    SCOPED_TRACE(c.title);
    auto matcher = IgnoreMatcher::Compile(ReadIgnoreFile(c.patterns));
    ASSERT_TRUE(matcher);
    for (const auto& [mark, path] : c.paths) {
      IgnoreMatcher::State parent, state;
      bool excluded = false;
      std::string walked;
      for (std::string_view name : Split(path, '/')) {
        walked += (walked.empty() ? "" : "/") + std::string(name);
        excluded = matcher->Enter(walked, parent, state);
        parent = state;
      }
      EXPECT_EQ(excluded, mark == '-') << path;
    }
  }
}

TEST(IgnoreMatcherTest, NeverExcludesTheRoot) {
  auto matcher = IgnoreMatcher::Compile({"**", "*", "."});
  ASSERT_TRUE(matcher);
  EXPECT_FALSE(matcher->Excludes(""));
}

TEST(IgnoreMatcherTest, ExcludesNothingByDefault) {
  IgnoreMatcher matcher;
  EXPECT_TRUE(matcher.empty());
  EXPECT_FALSE(matcher.Excludes("a"));
  EXPECT_TRUE(matcher.CanPrune("a"));
}

TEST(IgnoreMatcherTest, TellsWhetherThereAreExceptions) {
  EXPECT_FALSE(IgnoreMatcher::Compile({"a"})->has_exceptions());
  EXPECT_TRUE(IgnoreMatcher::Compile({"a", "!b"})->has_exceptions());
  EXPECT_FALSE(IgnoreMatcher::Compile({"a"})->empty());
}

TEST(IgnoreMatcherTest, CopiesShareWhatIsCompiled) {
  auto matcher = IgnoreMatcher::Compile({"a"});
  ASSERT_TRUE(matcher);
  IgnoreMatcher copy = *matcher;
  EXPECT_TRUE(copy.Excludes("a"));
  EXPECT_THAT(copy.patterns(), ElementsAre("a"));
}

// --exclude takes the same language, but nobody drops a leading slash there.
TEST(IgnoreMatcherTest, KeepsALeadingSlashOfABarePattern) {
  auto matcher = IgnoreMatcher::Compile({"/a"});
  ASSERT_TRUE(matcher);
  EXPECT_FALSE(matcher->Excludes("a"));
}

TEST(IgnoreMatcherTest, WorksBeyondSixtyFourPatterns) {
  std::vector<std::string> patterns;
  for (int i = 0; i < 200; ++i) patterns.push_back("d" + std::to_string(i));
  patterns.push_back("!d150/keep");
  auto matcher = IgnoreMatcher::Compile(patterns);
  ASSERT_TRUE(matcher);
  EXPECT_TRUE(matcher->Excludes("d0/x"));
  EXPECT_TRUE(matcher->Excludes("d199/x/y"));
  EXPECT_TRUE(matcher->Excludes("d150/x"));
  EXPECT_FALSE(matcher->Excludes("d150/keep"));
  EXPECT_FALSE(matcher->Excludes("d200"));
}

TEST(IgnoreMatcherTest, RefusesBadPatterns) {
  for (const char* pattern :
       {"!", "! ", "[", "[]", "a[", "[a", "[a-", "[a-]", "[-a]", "[]a]", "a\\",
        "[\\", "x[^", "[^]", "a/[b"}) {
    auto matcher = IgnoreMatcher::Compile({pattern});
    ASSERT_FALSE(matcher) << pattern;
    EXPECT_EQ(matcher.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(matcher.error().message(), HasSubstr("pattern"));
  }
}

TEST(IgnoreMatcherTest, TakesOddButValidPatterns) {
  for (const char* pattern :
       {"]", "a]", "[a]", "[^a]", "[\\]]", "[\\-a]", "[a-z0-9]", "\\[", "{",
        "(", "a{2}", "\xff*", "[\xff]"}) {
    EXPECT_TRUE(IgnoreMatcher::Compile({pattern})) << pattern;
  }
}

TEST(IgnoreMatcherTest, SkipsEmptyPatterns) {
  auto matcher = IgnoreMatcher::Compile({"", "  ", "a"});
  ASSERT_TRUE(matcher);
  EXPECT_TRUE(matcher->Excludes("a"));
}

TEST(ReadIgnoreFileTest, CleansPatterns) {
  EXPECT_THAT(
      ReadIgnoreFile("# comment\n #x\n\n  a  \n/b\n./c\nd/\ne//f/../g\n!/h\n"
                     "!  ./i/\n/\n.\n..\n!\n"),
      ElementsAre("#x", "a", "b", "c", "d", "e/g", "!h", "!i", "/", ".", "..",
                  "!"));
}

TEST(ReadIgnoreFileTest, TakesCrlfAndByteOrderMark) {
  EXPECT_THAT(ReadIgnoreFile("\xEF\xBB\xBF# c\r\na\r\n!b\r\n"),
              ElementsAre("a", "!b"));
}

TEST(ReadIgnoreFileTest, OfNothingIsNothing) {
  EXPECT_THAT(ReadIgnoreFile(""), IsEmpty());
  EXPECT_THAT(ReadIgnoreFile("\n# x\n"), IsEmpty());
}

}  // namespace
}  // namespace strake::dockerfile
