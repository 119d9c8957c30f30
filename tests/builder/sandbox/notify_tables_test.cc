// The mount table and the table of inodes, without any process.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/directory_cache.h"
#include "builder/sandbox/notify/mount_table.h"
#include "builder/sandbox/notify/placement.h"
#include "builder/sandbox/notify/virtual_inodes.h"
#include "tests/support/temp_dir.h"
#include "tests/support/without_capabilities.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

MountTable Table() {
  std::vector<VirtualMount> mounts;
  const auto add = [&](const char* point, const char* host, uint64_t inode) {
    VirtualMount mount;
    mount.point = point;
    mount.host_path = host;
    mount.covered = {1, inode};
    mounts.push_back(std::move(mount));
  };
  add("/", "/work/root", 2);
  add("/dev", "/tmp/dev", 3);
  add("/dev/pts", "/dev/pts", 4);
  add("/proc", "/proc", 5);
  return MountTable(std::move(mounts));
}

TEST(NotifyMountTableTest, TheInnermostMountWins) {
  const MountTable table = Table();
  std::string_view below;
  EXPECT_EQ(table.Match("/dev/pts/0", below).point, "/dev/pts");
  EXPECT_EQ(below, "0");
  EXPECT_EQ(table.Match("/dev", below).point, "/dev");
  EXPECT_EQ(below, "");
  EXPECT_EQ(table.Match("/device/x", below).point, "/");
  EXPECT_EQ(below, "device/x");
  EXPECT_EQ(table.Match("/", below).point, "/");
  EXPECT_EQ(below, "");
}

TEST(NotifyMountTableTest, TurnsPathsOfTheHostAround) {
  const MountTable table = Table();
  EXPECT_EQ(table.VirtualPath("/work/root"), "/");
  EXPECT_EQ(table.VirtualPath("/work/root/etc/passwd"), "/etc/passwd");
  EXPECT_EQ(table.VirtualPath("/tmp/dev/null"), "/dev/null");
  EXPECT_EQ(table.VirtualPath("/work/rootless"), "");
  EXPECT_EQ(table.VirtualPath("/proc/1/fd"), "/proc/1/fd");
}

TEST(NotifyMountTableTest, KnowsWhatAMountPointCovers) {
  const MountTable table = Table();
  ASSERT_NE(table.Covering({1, 5}), nullptr);
  EXPECT_EQ(table.Covering({1, 5})->point, "/proc");
  EXPECT_EQ(table.Covering({1, 99}), nullptr);
  EXPECT_TRUE(table.IsMountName("pts"));
  EXPECT_FALSE(table.IsMountName("etc"));
}

class NotifyInodesTest : public ::testing::Test {
 protected:
  NotifyInodesTest() : inodes_(geteuid(), getegid()) {
    dir_.Write("file", "text");
    dir_.MakeDir("sub");
    dir_.Write("sub/other", "text");
    root_.reset(open(dir_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  struct stat StatOf(const char* name) {
    struct stat file {};
    EXPECT_EQ(fstatat(root_.get(), name, &file, AT_SYMLINK_NOFOLLOW), 0);
    return file;
  }

  testing::TempDir dir_;
  UniqueFd root_;
  VirtualInodes inodes_;
};

TEST_F(NotifyInodesTest, FilesOfTheBuilderAreRoots) {
  struct stat file = StatOf("file");
  inodes_.Apply(file);
  EXPECT_EQ(file.st_uid, 0U);
  EXPECT_EQ(file.st_gid, 0U);
}

TEST_F(NotifyInodesTest, AJournalSurvivesARun) {
  OwnershipJournal journal;
  VirtualMetadata owned;
  owned.mode = S_IFREG | 04750;
  owned.uid = 42;
  owned.gid = 7;
  owned.xattrs["security.capability"] = "x";
  journal.Set("sub/other", owned);
  inodes_.Import(root_.get(), journal);
  struct stat file = StatOf("sub/other");
  inodes_.Apply(file);
  EXPECT_EQ(file.st_uid, 42U);
  EXPECT_EQ(file.st_mode, S_IFREG | 04750U);
  auto exported = inodes_.Export(root_.get());
  ASSERT_TRUE(exported);
  EXPECT_EQ(*exported, journal);
}

TEST_F(NotifyInodesTest, WhatAMountCoversKeepsItsOwners) {
  OwnershipJournal journal;
  VirtualMetadata device;
  device.mode = S_IFCHR | 0666;
  device.rdev = 259;
  journal.Set("sub/other", device);
  ASSERT_EQ(fchmodat(root_.get(), "sub", 0, 0), 0);
  const testing::WithoutCapabilities plain(
      {CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH});
  inodes_.Import(root_.get(), journal);
  auto exported = inodes_.Export(root_.get());
  ASSERT_TRUE(exported);
  EXPECT_EQ(*exported, journal);
}

TEST_F(NotifyInodesTest, TheNextFileWithANumberIsNotTheLast) {
  struct stat file = StatOf("file");
  inodes_.Update(file, [](VirtualMetadata& meant) { meant.uid = 5; });
  inodes_.Unlinked(KeyOf(file));
  struct stat open_yet = file;
  open_yet.st_nlink = 0;
  inodes_.Apply(open_yet);
  EXPECT_EQ(open_yet.st_uid, 5U);
  EXPECT_TRUE(inodes_.IsPlain(file));
  inodes_.Apply(file);
  EXPECT_EQ(file.st_uid, 0U);
  auto exported = inodes_.Export(root_.get());
  ASSERT_TRUE(exported);
  EXPECT_TRUE(exported->entries().empty());
}

TEST_F(NotifyInodesTest, AFileThatGetsItsFirstNameKeepsItsOwner) {
  struct stat file = StatOf("file");
  file.st_nlink = 0;
  VirtualMetadata meant;
  meant.mode = file.st_mode;
  meant.uid = 5;
  inodes_.Created(file, meant);
  struct stat named = StatOf("file");
  EXPECT_TRUE(inodes_.IsPlain(named));
  EXPECT_EQ(inodes_.Link(file, [] { return -EEXIST; }), -EEXIST);
  EXPECT_TRUE(inodes_.IsPlain(named));
  EXPECT_EQ(inodes_.Link(file, [] { return 0; }), 0);
  inodes_.Apply(named);
  EXPECT_EQ(named.st_uid, 5U);
}

TEST_F(NotifyInodesTest, AModeThatOthersChangedIsTheirs) {
  inodes_.ExpectOthersChanges();
  inodes_.Update(StatOf("file"), [](VirtualMetadata& file) {
    file.uid = 5;
    file.mode = S_IFREG | 04644;
  });
  struct stat file = StatOf("file");
  inodes_.Apply(file);
  EXPECT_EQ(file.st_mode, S_IFREG | 04644U);
  ASSERT_EQ(fchmodat(root_.get(), "file", 0711, 0), 0);
  file = StatOf("file");
  inodes_.Apply(file);
  EXPECT_EQ(file.st_mode, S_IFREG | 0711U);
  EXPECT_EQ(file.st_uid, 5U);
}

TEST_F(NotifyInodesTest, EveryNameOfAFileGetsAnEntry) {
  ASSERT_EQ(linkat(root_.get(), "file", root_.get(), "sub/name", 0), 0);
  inodes_.Update(StatOf("file"), [](VirtualMetadata& file) { file.uid = 5; });
  auto exported = inodes_.Export(root_.get());
  ASSERT_TRUE(exported);
  ASSERT_NE(exported->Find("file"), nullptr);
  ASSERT_NE(exported->Find("sub/name"), nullptr);
  EXPECT_EQ(exported->Find("sub/name")->uid, 5U);
}

TEST_F(NotifyInodesTest, WhatChangedIsExportedAsTheWholeTreeWouldBe) {
  const auto change = [&](const std::string& path) {
    inodes_.Update(StatOf(path.c_str()),
                   [](VirtualMetadata& file) { file.uid = 5; });
  };
  VirtualInodes::Changes changes;
  changes.root_path = "/nowhere";
  const auto expect_all = [&](const char* what) {
    const auto all = inodes_.Export(root_.get());
    const auto changed = inodes_.Export(root_.get(), changes);
    ASSERT_TRUE(all && changed) << what;
    EXPECT_EQ(*all, *changed) << what;
  };
  change("file");
  changes.touched = {"file", "gone", "sub/gone/too"};
  expect_all("a file");
  ASSERT_EQ(linkat(root_.get(), "file", root_.get(), "sub/name", 0), 0);
  expect_all("a name that nobody touched");
  ASSERT_EQ(renameat(root_.get(), "sub", root_.get(), "moved"), 0);
  change("moved/other");
  changes.touched.insert({"sub", "moved"});
  changes.directories = {"sub", "moved"};
  expect_all("a directory that was renamed");
}

TEST_F(NotifyInodesTest, AnEntryThatSaysWhatTheDiskSaysIsDropped) {
  inodes_.Update(StatOf("file"), [](VirtualMetadata& file) { file.uid = 5; });
  inodes_.Update(StatOf("file"), [](VirtualMetadata& file) { file.uid = 0; });
  auto exported = inodes_.Export(root_.get());
  ASSERT_TRUE(exported);
  EXPECT_TRUE(exported->empty());
}

TEST_F(NotifyInodesTest, ANewFileForgetsWhatItsNumberMeant) {
  inodes_.Update(StatOf("file"), [](VirtualMetadata& file) {
    file.uid = 5;
    file.xattrs["security.capability"] = "x";
  });
  VirtualMetadata fresh;
  fresh.mode = StatOf("file").st_mode;
  inodes_.Created(StatOf("file"), fresh);
  EXPECT_FALSE(inodes_.HasXattrs(StatOf("file")));
}

TEST_F(NotifyInodesTest, OpeningUpKeepsTheModeThatIsSeen) {
  ASSERT_EQ(fchmodat(root_.get(), "sub", 0, 0), 0);
  const UniqueFd sub(openat(root_.get(), "sub", O_PATH | O_CLOEXEC));
  EXPECT_TRUE(inodes_.OpenUp(sub.get()));
  EXPECT_FALSE(inodes_.OpenUp(sub.get()));
  struct stat file = StatOf("sub");
  EXPECT_EQ(file.st_mode & 0777, 0700U);
  inodes_.Apply(file);
  EXPECT_EQ(file.st_mode & 0777, 0U);
}

DirectoryCache::Handle Known(std::vector<std::string> names) {
  auto directory = std::make_shared<KnownDirectory>();
  directory->names = std::move(names);
  return directory;
}

TEST(NotifyDirectoryCacheTest, ForgetsAllThatANameLedTo) {
  DirectoryCache cache;
  cache.Insert("/lib/a", Known({"lib", "usr", "lib", "a"}), 0);
  cache.Insert("/etc", Known({"etc"}), 0);
  cache.Forget("b");
  EXPECT_NE(cache.Find("/lib/a"), nullptr);
  cache.Forget("usr");
  EXPECT_EQ(cache.Find("/lib/a"), nullptr);
  EXPECT_NE(cache.Find("/etc"), nullptr);
}

TEST(NotifyDirectoryCacheTest, KeepsNothingThatWasFoundDuringARename) {
  DirectoryCache cache;
  const uint64_t before = cache.generation();
  cache.Forget("anything");
  cache.Insert("/etc", Known({"etc"}), before);
  EXPECT_EQ(cache.Find("/etc"), nullptr);
  cache.Insert("/etc", Known({"etc"}), cache.generation());
  EXPECT_NE(cache.Find("/etc"), nullptr);
}

TEST(NotifyDirectoryCacheTest, HoldsAFewHundredAtMost) {
  DirectoryCache cache;
  for (int i = 0; i < 1000; ++i) {
    cache.Insert("/" + std::to_string(i), Known({std::to_string(i)}), 0);
  }
  EXPECT_EQ(cache.Find("/0"), nullptr);
  EXPECT_NE(cache.Find("/999"), nullptr);
}

TEST(NotifyPlacementTest, OneWorkerWaitsWhereCallsAreMadeByTurns) {
  Placement placement(-1);
  EXPECT_FALSE(placement.AwaitTurn(0).owns_lock());
  for (int call = 0; call < 1000; ++call) placement.Note(call % 2);
  EXPECT_TRUE(placement.AwaitTurn(0).owns_lock());
  EXPECT_TRUE(placement.AwaitTurn(7).owns_lock());
  for (int call = 0; call < 1000; ++call) placement.Note(1);
  EXPECT_FALSE(placement.AwaitTurn(1).owns_lock());
}

}  // namespace
}  // namespace strake::builder::sandbox::notify
