// Copies by a process that may not give files away, make devices or set
// capabilities: what the disk cannot hold goes to the journal.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <string>

#include "builder/ops/copy_op.h"
#include "builder/ops/make_dir.h"
#include "tests/support/expect_result.h"
#include "tests/support/tar_builder.h"
#include "tests/support/temp_dir.h"
#include "tests/support/temp_tree.h"
#include "tests/support/without_capabilities.h"

namespace strake::builder::ops {
namespace {

using ::strake::testing::DescribeTree;
using ::strake::testing::FailsWith;
using ::strake::testing::IsOk;
using ::strake::testing::MakeTree;
using ::strake::testing::TarBuilder;
using ::strake::testing::TempDir;
using ::strake::testing::WithoutCapabilities;

class CopyJournalTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "takes capabilities of root";
  }

  Result<CopySummary> Run(const plan::CopyOp& op, OwnershipJournal* journal) {
    context::CopyInputs inputs;
    context::SourceTree stage;
    stage.root = stage_.fd();
    stage.journal = &stage_journal_;
    inputs.inputs[1] = stage;
    WriteTarget target;
    target.root = target_.fd();
    target.journal = journal;
    target.parent_journal = &parent_journal_;
    WithoutCapabilities without({CAP_CHOWN, CAP_MKNOD, CAP_SETFCAP,
                                 CAP_DAC_OVERRIDE, CAP_FOWNER, CAP_FSETID});
    return ExecuteCopy(op, inputs, target, {});
  }

  static plan::CopyOp Copy(const std::string& pattern,
                           const std::string& destination) {
    plan::CopyOp op;
    op.sources.emplace_back();
    op.sources[0].kind = plan::CopySource::Kind::kInput;
    op.sources[0].input = 1;
    op.sources[0].pattern = pattern;
    op.destination = destination;
    return op;
  }

  std::string Meant() {
    return DescribeTree(target_.path(), {.journal = &journal_});
  }

  TempDir stage_, target_;
  OwnershipJournal stage_journal_, parent_journal_, journal_;
};

TEST_F(CopyJournalTest, WhatIsRefusedIsRecorded) {
  MakeTree(stage_.path(),
           "s/a 4755 5:6 \"A\"\ns/d/ 0500 7:8\ns/d/b \"B\"\ns/l 5:6 -> a\n"
           "s/n c1:3 0666\ns/x 0000 \"X\"");
  // A file that the owner may not read is read by nobody here.
  ASSERT_EQ(::chmod(stage_.path("s/x").c_str(), 0400), 0);
  ASSERT_TRUE(IsOk(Run(Copy("s", "/t"), &journal_)));
  EXPECT_EQ(Meant(),
            "t/\nt/a 4755 5:6 \"A\"\nt/d/ 0500 7:8\nt/d/b \"B\"\n"
            "t/l 5:6 -> a\nt/n c1:3 0666\nt/x 0400 \"X\"\n");
  // On disk everything is its maker's and open to it.
  EXPECT_EQ(DescribeTree(target_.path()),
            "t/\nt/a 0755 \"A\"\nt/d/ 0700\nt/d/b \"B\"\nt/l -> a\n"
            "t/n 0666 \"\"\nt/x 0600 \"X\"\n");
}

TEST_F(CopyJournalTest, WithoutAJournalARefusalIsAnError) {
  MakeTree(stage_.path(), "a 5:6 \"A\"");
  EXPECT_TRUE(FailsWith(Run(Copy("a", "/a"), nullptr), ErrorCode::kIo,
                        "chown to 5:6 /a"));
}

TEST_F(CopyJournalTest, NothingIsRecordedWhereTheDiskTellsTheTruth) {
  MakeTree(stage_.path(), "s/a \"A\"\ns/d/b 0755 \"B\"");
  ASSERT_TRUE(IsOk(Run(Copy("s", "/"), &journal_)));
  EXPECT_TRUE(journal_.empty());
}

TEST_F(CopyJournalTest, CapabilitiesAreRecorded) {
  // A valid capability set: cap_net_raw, permitted and effective.
  std::string value(
      "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00"
      "\x00\x00\x00\x00\x00\x00\x00\x00",
      20);
  MakeTree(stage_.path(), "ping 0755 \"P\"");
  VirtualMetadata meant;
  meant.mode = S_IFREG | 0755;
  meant.xattrs["security.capability"] = value;
  stage_journal_.Set("ping", meant);
  ASSERT_TRUE(IsOk(Run(Copy("ping", "/ping"), &journal_)));
  const VirtualMetadata* found = journal_.Find("ping");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(*found, meant);
}

TEST_F(CopyJournalTest, RefusedXattrsLeaveTheModeReal) {
  MakeTree(stage_.path(), "a 4755 \"A\"");
  VirtualMetadata meant;
  meant.mode = S_IFREG | 04755;
  meant.xattrs["trusted.k"] = "v";
  stage_journal_.Set("a", meant);
  WithoutCapabilities without({CAP_SYS_ADMIN});
  ASSERT_TRUE(IsOk(Run(Copy("a", "/a"), &journal_)));
  ASSERT_NE(journal_.Find("a"), nullptr);
  EXPECT_EQ(*journal_.Find("a"), meant);
  EXPECT_EQ(DescribeTree(target_.path()), "a 4755 \"A\"\n");
}

TEST_F(CopyJournalTest, SourceJournalSaysWhatFilesAre) {
  MakeTree(stage_.path(), "s/dev \"\"\ns/f 0644 \"F\"");
  VirtualMetadata device;
  device.mode = S_IFBLK | 0660;
  device.gid = 6;
  device.rdev = makedev(8, 1);
  stage_journal_.Set("s/dev", device);
  VirtualMetadata file;
  file.mode = S_IFREG | 02711;
  file.uid = 33;
  stage_journal_.Set("s/f", file);
  ASSERT_TRUE(IsOk(Run(Copy("s", "/"), &journal_)));
  EXPECT_EQ(Meant(), "dev b8:1 0660 0:6\nf 2711 33:0 \"F\"\n");
}

TEST_F(CopyJournalTest, ReplacedFilesForgetTheParentsEntry) {
  MakeTree(target_.path(), "a \"old\"");
  VirtualMetadata old;
  old.mode = S_IFREG | 0600;
  old.uid = 42;
  parent_journal_.Set("a", old);
  MakeTree(stage_.path(), "a \"new\"");
  ASSERT_TRUE(IsOk(Run(Copy("a", "/a"), &journal_)));
  // Else the parent's entry would shine through.
  const VirtualMetadata* found = journal_.Find("a");
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->uid, 0u);
  EXPECT_EQ(found->mode, S_IFREG | 0644u);
}

TEST_F(CopyJournalTest, HardLinksShareTheirEntry) {
  MakeTree(stage_.path(), "s/a 5:6 \"A\"\ns/b = s/a");
  ASSERT_TRUE(IsOk(Run(Copy("s", "/"), &journal_)));
  ASSERT_NE(journal_.Find("b"), nullptr);
  EXPECT_EQ(*journal_.Find("a"), *journal_.Find("b"));
}

TEST_F(CopyJournalTest, ArchiveOwnersAreRecorded) {
  stage_.Write("a.tar", TarBuilder()
                            .Add({.name = "d/",
                                  .type = '5',
                                  .link = {},
                                  .content = {},
                                  .mode = 0555,
                                  .uid = 9,
                                  .gid = 9})
                            .File("d/f", "x")
                            .Build());
  plan::CopyOp op = Copy("a.tar", "/");
  op.add = true;
  ASSERT_TRUE(IsOk(Run(op, &journal_)));
  EXPECT_EQ(Meant(), "d/ 0555 9:9\nd/f \"x\"\n");
}

TEST_F(CopyJournalTest, WorkdirOwnersAreRecorded) {
  WriteTarget target;
  target.root = target_.fd();
  target.journal = &journal_;
  WithoutCapabilities without({CAP_CHOWN});
  ASSERT_TRUE(IsOk(ExecuteMakeDir({.path = "/w/x", .user = "7"}, target, {})));
  EXPECT_EQ(Meant(), "w/ 7:7\nw/x/ 7:7\n");
}

}  // namespace
}  // namespace strake::builder::ops
