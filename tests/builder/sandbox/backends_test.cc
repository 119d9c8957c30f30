#include "builder/sandbox/backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "builder/sandbox/probe_sandbox.h"
#include "tests/support/expect_result.h"

namespace strake::builder::sandbox {
namespace {

using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::testing::Contains;
using ::testing::HasSubstr;

ProcessPrivileges Nobody() {
  return {.privilege = Privilege::kNone, .reason = "unshare: tried"};
}

TEST(BackendsTest, NamesAreUniqueAndKnown) {
  for (const Backend& backend : Backends()) {
    EXPECT_EQ(FindBackend(backend.name), &backend);
    EXPECT_THAT(IsolationNames(), Contains(std::string(backend.name)));
    EXPECT_EQ(WishFor(backend.name), backend.wish);
  }
  EXPECT_EQ(FindBackend("jail"), nullptr);
  EXPECT_EQ(WishFor("auto"), NamespaceWish::kAuto);
  EXPECT_EQ(WishFor("none"), NamespaceWish::kNever);
}

TEST(BackendsTest, ReportsEachWithItsReason) {
  const std::vector<BackendReport> reports = ProbeBackends();
  ASSERT_EQ(reports.size(), Backends().size());
  for (const BackendReport& report : reports) {
    EXPECT_TRUE(report.works || !report.detail.empty()) << report.name;
    EXPECT_FALSE(report.needs.empty()) << report.name;
  }
}

TEST(ChooseSandboxTest, SaysWhyAWishIsImpossible) {
  EXPECT_TRUE(FailsWith(ChooseSandbox(Nobody(), "overlay-root"),
                        ErrorCode::kUnsupported, "unshare: tried"));
  EXPECT_TRUE(FailsWith(ChooseSandbox(Nobody(), "jail"),
                        ErrorCode::kInvalidArgument, "expected one of auto"));
}

TEST(ChooseSandboxTest, NoneRunsNothing) {
  auto choice = ChooseSandbox(Nobody(), "none");
  ASSERT_TRUE(IsOk(choice));
  EXPECT_EQ(choice->sandbox->name(), "none");
  EXPECT_TRUE(FailsWith(choice->sandbox->Run({}, {}, {}),
                        ErrorCode::kUnsupported, "strake doctor"));
}

TEST(ChooseSandboxTest, AutoSaysWhatItTookAndWhy) {
  auto choice = ChooseSandbox(Nobody(), "auto");
  ASSERT_TRUE(IsOk(choice));
  EXPECT_THAT(choice->reason,
              ::testing::StartsWith(std::string(choice->sandbox->name())));
  EXPECT_THAT(choice->reason, HasSubstr("unshare: tried"));
}

}  // namespace
}  // namespace strake::builder::sandbox
