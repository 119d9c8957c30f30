#include "builder/sandbox/backends.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <utility>

#include "builder/doctor.h"
#include "builder/sandbox/probe_sandbox.h"
#include "builder/sandbox/scratch_directory.h"
#include "builder/sandbox/without_effect.h"
#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

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

TEST(ChooseSandboxTest, ABadScratchDirectoryIsNoVerdictOnTheIsolation) {
  // In a process of its own, as a process probes once.
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        auto choice = ChooseSandbox(Nobody(), "notify", "/nowhere/scratch");
        const bool told =
            FailsWith(choice, ErrorCode::kNotFound, "/nowhere") &&
            choice.error().message().find("It needs") == std::string::npos;
        _exit(told ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "");
}

TEST(ScratchDirectoryTest, OnlyTheAbandonedAreSwept) {
  testing::TempDir place;
  auto used = ScratchDirectory::Make(place.path());
  ASSERT_TRUE(IsOk(used));
  place.Write("strake-run-killed/file", "left");
  place.Write("other/file", "kept");
  ASSERT_TRUE(IsOk(RemoveAbandonedScratch(place.path())));
  EXPECT_EQ(access(used->path().c_str(), F_OK), 0);
  EXPECT_NE(access(place.path("strake-run-killed").c_str(), F_OK), 0);
  EXPECT_EQ(access(place.path("other/file").c_str(), F_OK), 0);
  const std::string path = used->path();
  ASSERT_TRUE(IsOk(used->Remove()));
  EXPECT_NE(access(path.c_str(), F_OK), 0);
}

TEST(WithoutEffectTest, SaysWhatABackendIgnores) {
  ProcessSpec spec;
  spec.hostname = "usual";
  EXPECT_TRUE(WithoutEffect("notify", spec, "usual").empty());
  spec.hostname = "h";
  spec.insecure = true;
  Mount memory;
  memory.kind = Mount::Kind::kTmpfs;
  memory.size_bytes = 1;
  spec.mounts = {memory};
  EXPECT_EQ(WithoutEffect("notify", spec, "usual").size(), 3U);
  EXPECT_EQ(WithoutEffect("chroot", spec, "usual").size(), 3U);
  EXPECT_TRUE(WithoutEffect("userns-map", spec, "usual").empty());
}

TEST(DoctorTest, TakesWhatIsAskedFor) {
  DoctorReport report;
  for (const char* name : {"notify", "chroot", "trace"}) {
    DoctorReport::Backend backend;
    backend.name = name;
    backend.works = backend.name != "chroot";
    report.backends.push_back(std::move(backend));
  }
  EXPECT_EQ(report.Chosen()->name, "notify");
  report.isolation = "trace";
  ASSERT_NE(report.Chosen(), nullptr);
  EXPECT_EQ(report.Chosen()->name, "trace");
  EXPECT_THAT(DoctorText(report), HasSubstr("strake takes trace: isolation"));
  report.isolation = "chroot";
  EXPECT_EQ(report.Chosen(), nullptr);
  EXPECT_THAT(DoctorText(report), HasSubstr("Nothing can be built"));
  EXPECT_THAT(DoctorJson(report), HasSubstr("\"chosen\": \"none\""));
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
