#include "builder/plan/chmod.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>

#include "tests/support/expect_result.h"

namespace strake::builder::plan {
namespace {

using ::strake::testing::FailsWith;

struct Case {
  std::string text;
  uint32_t before;
  uint32_t after;
};

class ChmodCases : public ::testing::TestWithParam<Case> {};

TEST_P(ChmodCases, Apply) {
  auto chmod = Chmod::Parse(GetParam().text);
  ASSERT_TRUE(chmod) << chmod.error().message();
  EXPECT_EQ(chmod->Apply(GetParam().before), GetParam().after)
      << GetParam().text << std::oct << " on " << GetParam().before << " gives "
      << chmod->Apply(GetParam().before);
}

INSTANTIATE_TEST_SUITE_P(
    All, ChmodCases,
    ::testing::Values(
        Case{"755", S_IFREG | 0600, 0755}, Case{"0", S_IFREG | 0600, 0},
        Case{"07777", S_IFREG | 0600, 07777},
        Case{"u=rwX,go=rX", S_IFREG | 0600, 0644},
        Case{"u=rwX,go=rX", S_IFREG | 0700, 0755},
        Case{"u=rwX,go=rX", S_IFDIR | 0600, 0755},
        Case{"+x", S_IFREG | 0644, 0755}, Case{"a-w", S_IFREG | 0666, 0444},
        Case{"go=u", S_IFREG | 0640, 0666}, Case{"go=u", S_IFREG | 0755, 0777},
        Case{"g=o", S_IFREG | 0704, 0744}, Case{"=r", S_IFREG | 0777, 0444},
        Case{"=", S_IFREG | 0777, 0}, Case{"o=", S_IFREG | 0777, 0770},
        Case{"u+s", S_IFREG | 0755, 04755}, Case{"g+s", S_IFREG | 0755, 02755},
        Case{"o+s", S_IFREG | 0755, 0755}, Case{"+t", S_IFDIR | 0777, 01777},
        Case{"u=rwx", S_IFREG | 04644, 0744}, Case{"-s", S_IFREG | 06755, 0755},
        Case{"u+r-w", S_IFREG | 0200, 0400},
        Case{"u=r,u+w,g+w", S_IFREG | 0000, 0620},
        Case{"a-x+X", S_IFREG | 0755, 0755}, Case{"-X", S_IFREG | 0755, 0644}));

TEST(ChmodTest, RejectsWhatIsNoMode) {
  for (const char* text : {"", "888", "07778", "10000", "u", "u=rwz", "rwx",
                           "u=r,", ",u=r", "u!r", "-1", "0o755"}) {
    EXPECT_TRUE(FailsWith(Chmod::Parse(text), ErrorCode::kInvalidArgument,
                          "invalid --chmod"))
        << text;
  }
}

TEST(ChmodTest, OnlyOctalModesAreForImpliedParents) {
  EXPECT_EQ(Chmod::Parse("0750")->octal(), 0750u);
  EXPECT_FALSE(Chmod::Parse("u=rwx")->octal());
}

}  // namespace
}  // namespace strake::builder::plan
