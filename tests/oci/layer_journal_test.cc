// Unpacking without the privileges to do it in full.

#include <gmock/gmock.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci/layer_applier.h"
#include "tests/support/apply_tar.h"
#include "tests/support/expect_result.h"
#include "tests/support/rich_tree.h"
#include "tests/support/tar_builder.h"

namespace strake::oci {
namespace {

using testing::ApplyTar;
using testing::FailsWith;
using testing::IsOk;
using testing::StatOf;
using testing::TarBuilder;
using testing::TempDir;

// Runs `body` in a child process as an ordinary user; its failures are ours.
template <typename Body>
void AsUser(Body body) {
  constexpr unsigned kNobody = 65534;
  std::fflush(nullptr);
  pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setgid(kNobody) != 0 ||
        ::setuid(kNobody) != 0) {
      ::_exit(99);
    }
    body();
    std::fflush(nullptr);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  EXPECT_EQ(0, status);
}

TEST(LayerApplierTest, JournalsWhatTheKernelRefuses) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  TarBuilder tar;
  tar.Add({.name = "owned",
           .type = '0',
           .link = {},
           .content = "o",
           .mode = 04755,
           .uid = 12,
           .gid = 34});
  tar.HardLink("owned-too", "owned");
  tar.Add({.name = "null",
           .type = '3',
           .link = {},
           .content = {},
           .mode = 0666,
           .uid = 0,
           .gid = 0,
           .mtime = 5,
           .major = 1,
           .minor = 3});
  tar.Pax("SCHILY.xattr.security.capability", testing::NetRawCapability());
  tar.Add({.name = "capable",
           .type = '0',
           .link = {},
           .content = "c",
           .mode = 0555,
           .uid = 65534,
           .gid = 65534});
  tar.Add({.name = "closed",
           .type = '5',
           .link = {},
           .content = {},
           .mode = 0,
           .uid = 65534,
           .gid = 65534});
  tar.Add({.name = "closed/mine",
           .type = '0',
           .link = {},
           .content = "m",
           .mode = 0644,
           .uid = 65534,
           .gid = 65534});
  tar.Symlink("link", "owned");
  std::string bytes = tar.Build();
  AsUser([&] {
    TempDir root;
    OwnershipJournal journal;
    LayerApplyOptions options;
    options.journal = &journal;
    EXPECT_TRUE(IsOk(ApplyTar(bytes, root, options)));

    const VirtualMetadata* owned = journal.Find("owned");
    ASSERT_NE(nullptr, owned);
    EXPECT_EQ(S_IFREG | 04755u, owned->mode);
    EXPECT_EQ(12u, owned->uid);
    EXPECT_EQ(34u, owned->gid);
    EXPECT_EQ(0755u, StatOf(root, "owned").st_mode & 07777)
        << "must not be set-user-ID to the caller";
    ASSERT_NE(nullptr, journal.Find("owned-too"));
    EXPECT_EQ(*owned, *journal.Find("owned-too"));

    const VirtualMetadata* null = journal.Find("null");
    ASSERT_NE(nullptr, null);
    EXPECT_EQ(S_IFCHR | 0666u, null->mode);
    EXPECT_EQ(makedev(1, 3), null->rdev);
    EXPECT_TRUE(S_ISREG(StatOf(root, "null").st_mode));
    EXPECT_EQ(5, StatOf(root, "null").st_mtim.tv_sec);

    const VirtualMetadata* capable = journal.Find("capable");
    ASSERT_NE(nullptr, capable);
    EXPECT_EQ(testing::NetRawCapability(),
              capable->xattrs.at("security.capability"));
    EXPECT_EQ(S_IFREG | 0555u, capable->mode);
    EXPECT_EQ(0755u, StatOf(root, "capable").st_mode & 07777);

    ASSERT_NE(nullptr, journal.Find("closed"));
    EXPECT_EQ(0u, journal.Find("closed")->mode & 07777);
    EXPECT_EQ(0700u, StatOf(root, "closed").st_mode & 07777);
    // The user's own files are root's: who is meant to be that user is not.
    ASSERT_NE(nullptr, journal.Find("closed/mine"));
    EXPECT_EQ(65534u, journal.Find("closed/mine")->uid);
    EXPECT_EQ(nullptr, journal.Find("link")) << "the user's own are root's";

    // A second layer forgets what it replaces and deletes.
    EXPECT_TRUE(IsOk(ApplyTar(TarBuilder()
                                  .Add({.name = "owned",
                                        .type = '0',
                                        .link = {},
                                        .content = "n",
                                        .mode = 0644,
                                        .uid = 0,
                                        .gid = 0})
                                  .File(".wh.closed", "")
                                  .File(".wh.null", "")
                                  .Build(),
                              root, options)));
    EXPECT_EQ(nullptr, journal.Find("owned"));
    EXPECT_NE(nullptr, journal.Find("owned-too"));
    EXPECT_EQ(nullptr, journal.Find("closed"));
    EXPECT_EQ(nullptr, journal.Find("null"));
  });
}

TEST(LayerApplierTest, WithoutAJournalARefusalIsAnError) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  std::string bytes = TarBuilder()
                          .Add({.name = "f",
                                .type = '0',
                                .link = {},
                                .content = "f",
                                .mode = 0644,
                                .uid = 12,
                                .gid = 34})
                          .Build();
  AsUser([&] {
    TempDir root;
    EXPECT_TRUE(
        FailsWith(ApplyTar(bytes, root), ErrorCode::kIo, "owner 12:34"));
  });
}

TEST(LayerApplierTest, RootNeedsNoJournal) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  TempDir root;
  OwnershipJournal journal;
  LayerApplyOptions options;
  options.journal = &journal;
  TarBuilder tar;
  tar.Add({.name = "f",
           .type = '0',
           .link = {},
           .content = "o",
           .mode = 04000,
           .uid = 12,
           .gid = 34});
  tar.Add({.name = "d", .type = '5', .link = {}, .content = {}, .mode = 0});
  ASSERT_TRUE(IsOk(ApplyTar(tar.Build(), root, options)));
  EXPECT_TRUE(journal.empty());
  EXPECT_EQ(04000u, StatOf(root, "f").st_mode & 07777);
}

// For a sandbox that emulates owners: even root gives nothing away.
TEST(LayerApplierTest, RecordsAllOwnersWhereAsked) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, who may give files away";
  TarBuilder tar;
  tar.Add({.name = "theirs",
           .type = '0',
           .link = {},
           .content = "t",
           .mode = 04750,
           .uid = 12,
           .gid = 34});
  tar.Add({.name = "roots",
           .type = '0',
           .link = {},
           .content = "r",
           .mode = 0200,
           .uid = 0,
           .gid = 0});
  TempDir root;
  OwnershipJournal journal;
  LayerApplyOptions options;
  options.journal = &journal;
  options.journal_use = JournalUse::kAll;
  ASSERT_TRUE(IsOk(ApplyTar(tar.Build(), root, options)));
  ASSERT_NE(nullptr, journal.Find("theirs"));
  EXPECT_EQ(12u, journal.Find("theirs")->uid);
  EXPECT_EQ(S_IFREG | 04750u, journal.Find("theirs")->mode);
  EXPECT_EQ(0u, StatOf(root, "theirs").st_uid);
  EXPECT_EQ(0750u, StatOf(root, "theirs").st_mode & 07777);
  // Opened up, since the sandbox has no capability to open it by.
  ASSERT_NE(nullptr, journal.Find("roots"));
  EXPECT_EQ(0600u, StatOf(root, "roots").st_mode & 07777);
}

}  // namespace
}  // namespace strake::oci
