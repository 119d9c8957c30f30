#include "util/ownership_journal.h"

#include <gtest/gtest.h>

namespace strake {
namespace {

VirtualMetadata Owner(uint32_t uid, uint32_t mode = 0100644) {
  VirtualMetadata metadata;
  metadata.mode = mode;
  metadata.uid = uid;
  metadata.gid = uid + 1;
  return metadata;
}

TEST(OwnershipJournalTest, FindsWhatWasSet) {
  OwnershipJournal journal;
  EXPECT_TRUE(journal.empty());
  journal.Set("a/b", Owner(7));
  journal.Set("a/b", Owner(8));
  ASSERT_NE(nullptr, journal.Find("a/b"));
  EXPECT_EQ(8u, journal.Find("a/b")->uid);
  EXPECT_EQ(nullptr, journal.Find("a"));
  EXPECT_EQ(nullptr, journal.Find("a/b/c"));
}

TEST(OwnershipJournalTest, RemovesATreeAndNothingBesideIt) {
  OwnershipJournal journal;
  for (const char* path : {"a", "a/b", "a/b/c", "a-b", "a.b", "a0", "aa"}) {
    journal.Set(path, Owner(1));
  }
  journal.Remove("a");
  std::string left;
  for (const auto& [path, metadata] : journal.entries()) left += path + " ";
  EXPECT_EQ("a-b a.b a0 aa ", left);
  journal.Remove("");
  EXPECT_TRUE(journal.empty());
}

TEST(OwnershipJournalTest, RemovesBelowAPathThatHasNoEntry) {
  OwnershipJournal journal;
  journal.Set("a/b", Owner(1));
  journal.Remove("a");
  EXPECT_TRUE(journal.empty());
}

TEST(OwnershipJournalTest, ASubtreeIsRelativeToItsTop) {
  OwnershipJournal journal;
  for (const char* path : {"a", "a/b", "a/b/c", "a-b", "a/bc"}) {
    journal.Set(path, Owner(1));
  }
  std::string found;
  const OwnershipJournal below = journal.Subtree("a/b");
  for (const auto& [path, metadata] : below.entries()) found += "/" + path;
  EXPECT_EQ("//c", found);
  EXPECT_EQ(journal, journal.Subtree(""));
}

TEST(OwnershipJournalTest, SurvivesItsTextForm) {
  OwnershipJournal journal;
  journal.Set("", Owner(0, 040755));
  journal.Set("usr/bin/with blank\n%20=\xff", Owner(4294967295u));
  VirtualMetadata device = Owner(3, 020666);
  device.rdev = 0x0103;
  device.xattrs["security.capability"] = std::string("\0\1\2 =%\n", 7);
  device.xattrs["user.empty"] = "";
  journal.Set("dev/null", device);
  auto parsed = OwnershipJournal::Parse(journal.Serialize());
  ASSERT_TRUE(parsed) << parsed.error().message();
  EXPECT_EQ(journal, *parsed);
}

TEST(OwnershipJournalTest, WritesOneLineAnEntryInPathOrder) {
  OwnershipJournal journal;
  journal.Set("b", Owner(2));
  journal.Set("a x", Owner(1));
  EXPECT_EQ(
      "strake-ownership 1\n"
      "100644 1 2 0 /a%20x\n"
      "100644 2 3 0 /b\n",
      journal.Serialize());
}

TEST(OwnershipJournalTest, AnEmptyOneSurvivesToo) {
  auto parsed = OwnershipJournal::Parse(OwnershipJournal().Serialize());
  ASSERT_TRUE(parsed);
  EXPECT_TRUE(parsed->empty());
}

TEST(OwnershipJournalTest, RejectsWhatIsNotAJournal) {
  for (const char* text :
       {"", "\n", "strake-ownership 2\n", "strake-ownership 1",
        "strake-ownership 1\n100644 1 2 0 /a",
        "strake-ownership 1\n100644 1 2 0\n",
        "strake-ownership 1\n100644 1 2 0 a\n",
        "strake-ownership 1\n100688 1 2 0 /a\n",
        "strake-ownership 1\n100644 -1 2 0 /a\n",
        "strake-ownership 1\n100644 4294967296 2 0 /a\n",
        "strake-ownership 1\n100644 1 2 0 /a%2\n",
        "strake-ownership 1\n100644 1 2 0 /a%zz\n",
        "strake-ownership 1\n100644 1 2 0 /a user.x\n"}) {
    auto parsed = OwnershipJournal::Parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(ErrorCode::kCorrupt, parsed.error().code()) << text;
  }
}

}  // namespace
}  // namespace strake
