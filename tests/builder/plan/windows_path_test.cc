#include "builder/plan/windows_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strake::builder::plan {
namespace {

TEST(WindowsPathTest, KnowsDrivesAndBothSlashes) {
  EXPECT_EQ(*FromWindowsPath("C:\\a\\b"), "/a/b");
  EXPECT_EQ(*FromWindowsPath("c:/a\\"), "/a/");
  EXPECT_EQ(*FromWindowsPath("C:a"), "/a");
  EXPECT_EQ(*FromWindowsPath("C:"), "/");
  EXPECT_EQ(*FromWindowsPath("\\a"), "/a");
  EXPECT_EQ(*FromWindowsPath("a\\b/"), "a/b/");
  EXPECT_EQ(*FromWindowsPath(""), "");
}

TEST(WindowsPathTest, RejectsOtherDrives) {
  auto path = FromWindowsPath("D:\\a");
  ASSERT_FALSE(path);
  EXPECT_THAT(path.error().message(), ::testing::HasSubstr("D:\\a"));
}

TEST(WindowsPathTest, WritesAsWindowsDoes) {
  EXPECT_EQ(ToWindowsPath("/"), "C:\\");
  EXPECT_EQ(ToWindowsPath("/a/b"), "C:\\a\\b");
}

}  // namespace
}  // namespace strake::builder::plan
