#include "builder/sandbox/root_covers.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <string>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::sandbox {
namespace {

using ::strake::testing::IsOk;
using ::strake::testing::TempDir;

class RootCoversTest : public ::testing::Test {
 protected:
  RootCoversTest() {
    dir_.Write("root/etc/hosts", "old");
    dir_.Write("root/dev/left", "x");
    SetTime("root/etc", 1'000'000);
    SetTime("root", 2'000'000);
    root_.reset(open(dir_.path("root").c_str(), O_RDONLY | O_DIRECTORY));
    auto covers = RootCovers::Open(root_.get(), dir_.path("root"));
    EXPECT_TRUE(IsOk(covers));
    if (covers) covers_.emplace(*std::move(covers));
  }

  void SetTime(const std::string& name, time_t seconds) {
    const timespec times[2] = {{seconds, 0}, {seconds, 0}};
    EXPECT_EQ(utimensat(AT_FDCWD, dir_.path(name).c_str(), times, 0), 0);
  }
  time_t Time(const std::string& name) {
    struct stat found = {};
    EXPECT_EQ(stat(dir_.path(name).c_str(), &found), 0) << name;
    return found.st_mtime;
  }
  size_t EntriesBesideRoot() {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(dir_.path()),
                      std::filesystem::directory_iterator()));
  }
  void Cover() {
    EXPECT_TRUE(IsOk(covers_->CoverWithDirectory("/dev", 0755)));
    auto hosts = covers_->CoverWithFile("/etc/hosts", 0644);
    ASSERT_TRUE(IsOk(hosts));
    EXPECT_EQ(write(hosts->get(), "new", 3), 3);
    EXPECT_TRUE(IsOk(covers_->CoverWithFile("/run/secrets/key", 0400)));
  }

  TempDir dir_;
  UniqueFd root_;
  std::optional<RootCovers> covers_;
};

TEST_F(RootCoversTest, HidesWhatWasThere) {
  Cover();
  EXPECT_EQ(dir_.Read("root/etc/hosts"), "new");
  EXPECT_FALSE(dir_.Exists("root/dev/left"));
  EXPECT_TRUE(dir_.Exists("root/run/secrets/key"));
}

TEST_F(RootCoversTest, LeavesNoTrace) {
  Cover();
  dir_.Write("root/dev/null/deep", "made by a step");
  EXPECT_TRUE(IsOk(covers_->Restore()));
  EXPECT_EQ(dir_.Read("root/etc/hosts"), "old");
  EXPECT_TRUE(dir_.Exists("root/dev/left"));
  EXPECT_FALSE(dir_.Exists("root/dev/null"));
  EXPECT_FALSE(dir_.Exists("root/run"));
  EXPECT_EQ(Time("root/etc"), 1'000'000);
  EXPECT_EQ(Time("root"), 2'000'000);
  EXPECT_EQ(EntriesBesideRoot(), 1u);
}

TEST_F(RootCoversTest, KeepsTheTimeThatAStepGaveADirectory) {
  Cover();
  dir_.Write("root/etc/made", "by a step");
  SetTime("root/etc", 3'000'000);
  EXPECT_TRUE(IsOk(covers_->Restore()));
  EXPECT_EQ(Time("root/etc"), 3'000'000);
  EXPECT_EQ(Time("root"), 2'000'000);
}

TEST_F(RootCoversTest, KeepsADirectoryOnTheWayThatAStepUses) {
  Cover();
  dir_.Write("root/run/lock", "by a step");
  EXPECT_TRUE(IsOk(covers_->Restore()));
  EXPECT_TRUE(dir_.Exists("root/run/lock"));
  EXPECT_FALSE(dir_.Exists("root/run/secrets"));
}

TEST_F(RootCoversTest, FollowsSymlinksInsideTheRootOnly) {
  dir_.Symlink("/../../elsewhere/resolv", "root/etc/resolv.conf");
  EXPECT_TRUE(IsOk(covers_->CoverWithFile("/etc/resolv.conf", 0644)));
  EXPECT_TRUE(dir_.Exists("root/elsewhere/resolv"));
  EXPECT_TRUE(IsOk(covers_->Restore()));
  EXPECT_FALSE(dir_.Exists("root/elsewhere"));
  EXPECT_TRUE(dir_.Exists("root/etc/resolv.conf"));
}

TEST_F(RootCoversTest, RestoresWhenItIsDropped) {
  Cover();
  covers_.reset();
  EXPECT_EQ(dir_.Read("root/etc/hosts"), "old");
  EXPECT_EQ(EntriesBesideRoot(), 1u);
}

TEST_F(RootCoversTest, RefusesTheRootItself) {
  EXPECT_FALSE(covers_->CoverWithDirectory("/", 0755));
}

}  // namespace
}  // namespace strake::builder::sandbox
