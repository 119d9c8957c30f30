#include "builder/context/path_match.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/expect_result.h"

namespace strake::builder::context {
namespace {

using ::strake::testing::FailsWith;

struct Case {
  std::string pattern;
  std::string name;
  bool matches;
};

class PathPatternCases : public ::testing::TestWithParam<Case> {};

TEST_P(PathPatternCases, Match) {
  auto pattern = PathPattern::Compile(GetParam().pattern);
  ASSERT_TRUE(pattern) << pattern.error().message();
  EXPECT_EQ(pattern->Matches(GetParam().name), GetParam().matches)
      << GetParam().pattern << " on " << GetParam().name;
}

INSTANTIATE_TEST_SUITE_P(
    All, PathPatternCases,
    ::testing::Values(
        Case{"abc", "abc", true}, Case{"abc", "abcd", false},
        Case{"", "", true}, Case{"", "a", false}, Case{"*", "", true},
        Case{"*", "abc", true}, Case{"*c", "abc", true}, Case{"a*", "a", true},
        Case{"a*", "ba", false}, Case{"a*b*c*d*e", "axbxcxdxe", true},
        Case{"a*b*c*d*e", "axbxcxdxexxx", false},
        Case{"a*b?c*x", "abxbbxdbxebxczzx", true},
        Case{"a*b?c*x", "abxbbxdbxebxczzy", false}, Case{"**", "abc", true},
        Case{".*", ".a", true}, Case{"*", ".a", true},
        Case{"ab[c]", "abc", true}, Case{"ab[b-d]", "abc", true},
        Case{"ab[e-g]", "abc", false}, Case{"ab[^c]", "abc", false},
        Case{"ab[^e-g]", "abc", true}, Case{"a\\*b", "a*b", true},
        Case{"a\\*b", "ab", false},
        Case{"a?b",
             "a\xe2\x98\xba"
             "b",
             true},
        Case{"a[^a]b",
             "a\xe2\x98\xba"
             "b",
             true},
        Case{"a???b",
             "a\xe2\x98\xba"
             "b",
             false},
        Case{"[a-\xce\xb6]*", "\xce\xb1", true},
        Case{"*[a-\xce\xb6]", "A", false}, Case{"[\\]a]", "]", true},
        Case{"[\\-]", "-", true}, Case{"[x\\-]", "x", true},
        Case{"[x\\-]", "-", true}, Case{"[x\\-]", "z", false},
        Case{"[\\-x]", "x", true}, Case{"*x", "xxx", true},
        Case{"arr[[]0].txt", "arr[0].txt", true}, Case{"a?", "a\xff", true},
        Case{"a*z", "a\xff\xfez", true}));

TEST(PathPatternTest, RejectsMalformedPatterns) {
  for (const char* pattern : {"[]a]", "[-]", "[x-]", "[-x]", "[", "[^", "[^bc",
                              "a[", "\\", "[a-b-c]", "a\\", "[\\"}) {
    EXPECT_TRUE(FailsWith(PathPattern::Compile(pattern),
                          ErrorCode::kInvalidArgument, "malformed pattern"))
        << pattern;
  }
}

TEST(PathPatternTest, ManyStarsTakeNoExponentialTime) {
  std::string pattern, name(2000, 'a');
  for (int i = 0; i < 50; ++i) pattern += "a*";
  auto compiled = PathPattern::Compile(pattern + "b");
  ASSERT_TRUE(compiled);
  EXPECT_FALSE(compiled->Matches(name));
}

TEST(PathPatternTest, FindsActiveWildcards) {
  EXPECT_TRUE(HasWildcard("a*"));
  EXPECT_TRUE(HasWildcard("a?b"));
  EXPECT_TRUE(HasWildcard("[a]"));
  EXPECT_FALSE(HasWildcard("a\\*b"));
  EXPECT_FALSE(HasWildcard("a]b"));
}

}  // namespace
}  // namespace strake::builder::context
