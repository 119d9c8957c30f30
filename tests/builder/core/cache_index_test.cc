#include "builder/cache/cache_index.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"
#include "util/json.h"

namespace strake::builder::cache {
namespace {

using ::strake::testing::IsOk;
using ::strake::testing::TempDir;

oci::Digest Key(int number) {
  return oci::Digest::Of("key " + std::to_string(number));
}

CacheRecord Record(const std::string& snapshot) {
  CacheRecord record;
  record.snapshot = snapshot;
  record.parent = "parent of " + snapshot;
  record.created =
      oci::Timestamp(std::chrono::nanoseconds(1234567890123456789));
  return record;
}

oci::LayerBlob Layer(const std::string& content) {
  oci::LayerBlob layer;
  layer.descriptor.media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
  layer.descriptor.digest = oci::Digest::Of(content);
  layer.descriptor.size_bytes = 5'000'000'000;
  layer.diff_id = oci::Digest::Of(content + " tar");
  layer.uncompressed_bytes = 9'000'000'000;
  return layer;
}

CacheIndex OpenIndex(const std::string& path) {
  auto index = CacheIndex::Open(path);
  EXPECT_TRUE(IsOk(index));
  return *std::move(index);
}

class CacheIndexTest : public ::testing::Test {
 protected:
  CacheIndex Open() { return OpenIndex(path_); }
  TempDir dir_;
  std::string path_ = dir_.path("index");
};

TEST_F(CacheIndexTest, KnowsNothingAtFirst) {
  CacheIndex index = Open();
  EXPECT_FALSE(index.Find(Key(1)));
  EXPECT_FALSE(index.FindAlias(Key(1)));
  EXPECT_FALSE(index.FindLayer("s", "gzip"));
}

TEST_F(CacheIndexTest, KeepsRecordsForTheNextBuild) {
  {
    CacheIndex index = Open();
    ASSERT_TRUE(IsOk(index.Record(Key(1), Record("one"))));
    ASSERT_TRUE(IsOk(index.RecordAlias(Key(2), Key(1))));
    ASSERT_TRUE(IsOk(index.RecordLayer("one", "gzip:6", Layer("l"))));
    EXPECT_TRUE(index.Find(Key(1)));
  }
  CacheIndex index = Open();
  auto record = index.Find(Key(1));
  ASSERT_TRUE(record);
  EXPECT_EQ(record->snapshot, "one");
  EXPECT_EQ(record->parent, "parent of one");
  EXPECT_EQ(record->created, Record("one").created);
  EXPECT_EQ(index.FindAlias(Key(2)), Key(1));
  EXPECT_EQ(index.FindLayer("one", "gzip:6"), Layer("l"));
  EXPECT_FALSE(index.FindLayer("one", "gzip:9"));
  EXPECT_FALSE(index.FindLayer("two", "gzip:6"));
}

TEST_F(CacheIndexTest, TheLastRecordOfAKeyCounts) {
  {
    CacheIndex index = Open();
    ASSERT_TRUE(index.Record(Key(1), Record("old")));
    ASSERT_TRUE(index.Record(Key(1), Record("new")));
    ASSERT_TRUE(index.RecordAlias(Key(2), Key(3)));
    ASSERT_TRUE(index.RecordAlias(Key(2), Key(4)));
    EXPECT_EQ(index.Find(Key(1))->snapshot, "new");
  }
  CacheIndex index = Open();
  EXPECT_EQ(index.Find(Key(1))->snapshot, "new");
  EXPECT_EQ(index.FindAlias(Key(2)), Key(4));
}

TEST_F(CacheIndexTest, SkipsTornAndForeignLines) {
  {
    CacheIndex index = Open();
    ASSERT_TRUE(index.Record(Key(1), Record("one")));
    ASSERT_TRUE(index.Record(Key(2), Record("two")));
  }
  std::string text = dir_.Read("index");
  size_t second = text.find('\n') + 1;
  dir_.Write("index", text.substr(0, second) + "not JSON\n[1]\n{}\n" +
                          "{\"key\": \"zz\", \"snapshot\": \"s\"}\n\n" +
                          std::string("\0\0\n", 3) + text.substr(second));
  CacheIndex index = Open();
  EXPECT_EQ(index.Find(Key(1))->snapshot, "one");
  EXPECT_EQ(index.Find(Key(2))->snapshot, "two");
}

TEST_F(CacheIndexTest, RecordsAfterATornLineAreWhole) {
  {
    CacheIndex index = Open();
    ASSERT_TRUE(index.Record(Key(1), Record("one")));
    ASSERT_TRUE(index.Record(Key(2), Record("two")));
  }
  // A process was killed, or the disk was full, in the middle of a line.
  std::string text = dir_.Read("index");
  dir_.Write("index", text.substr(0, text.size() - 10));
  ASSERT_TRUE(Open().Record(Key(3), Record("three")));
  CacheIndex index = Open();
  EXPECT_TRUE(index.Find(Key(1)));
  EXPECT_FALSE(index.Find(Key(2)));
  EXPECT_TRUE(index.Find(Key(3)));
}

TEST_F(CacheIndexTest, UnknownMembersAreForLaterVersions) {
  {
    CacheIndex index = Open();
    ASSERT_TRUE(index.Record(Key(1), Record("one")));
  }
  std::string text = dir_.Read("index");
  text.insert(1, "\"later\":[1,2],");
  dir_.Write("index", text);
  EXPECT_TRUE(Open().Find(Key(1)));
}

TEST_F(CacheIndexTest, ThreadsRecordAtOnce) {
  constexpr int kThreads = 8, kRecords = 50;
  {
    CacheIndex index = Open();
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&index, t] {
        for (int i = 0; i < kRecords; ++i) {
          int number = t * kRecords + i;
          EXPECT_TRUE(
              index.Record(Key(number), Record(std::to_string(number))));
          EXPECT_TRUE(index.Find(Key(number)));
        }
      });
    }
  }
  CacheIndex index = Open();
  for (int i = 0; i < kThreads * kRecords; ++i) {
    ASSERT_TRUE(index.Find(Key(i))) << i;
    EXPECT_EQ(index.Find(Key(i))->snapshot, std::to_string(i));
  }
}

TEST_F(CacheIndexTest, ProcessesRecordAtOnce) {
  constexpr int kProcesses = 4, kRecords = 100;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p) {
    pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      bool good = true;
      auto index = CacheIndex::Open(path_);
      for (int i = 0; good && i < kRecords; ++i) {
        int number = p * kRecords + i;
        good =
            index && index->Record(Key(number), Record(std::to_string(number)));
      }
      ::_exit(good ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  CacheIndex index = Open();
  for (int i = 0; i < kProcesses * kRecords; ++i) {
    ASSERT_TRUE(index.Find(Key(i))) << i;
  }
}

TEST_F(CacheIndexTest, RewritesAFileThatIsMostlySuperseded) {
  {
    CacheIndex index = Open();
    for (int i = 0; i < 1500; ++i) {
      ASSERT_TRUE(index.Record(Key(1), Record("s" + std::to_string(i))));
    }
    ASSERT_TRUE(index.RecordAlias(Key(2), Key(1)));
    ASSERT_TRUE(index.RecordLayer("one", "gzip:6", Layer("l")));
  }
  struct stat before = {}, after = {};
  ASSERT_EQ(::stat(path_.c_str(), &before), 0);
  Open();
  ASSERT_EQ(::stat(path_.c_str(), &after), 0);
  EXPECT_LT(after.st_size, before.st_size / 100);
  CacheIndex index = Open();
  EXPECT_EQ(index.Find(Key(1))->snapshot, "s1499");
  EXPECT_EQ(index.FindAlias(Key(2)), Key(1));
  EXPECT_TRUE(index.FindLayer("one", "gzip:6"));
  EXPECT_FALSE(dir_.Exists("index.new"));
}

TEST_F(CacheIndexTest, ARewriteLosesNothingThatIsRecordedMeanwhile) {
  {
    CacheIndex index = Open();
    for (int i = 0; i < 1500; ++i) {
      ASSERT_TRUE(index.Record(Key(0), Record("garbage")));
    }
  }
  CacheIndex early = Open();  // compacts
  std::vector<std::jthread> threads;
  threads.emplace_back([&] {
    for (int i = 1; i <= 300; ++i)
      EXPECT_TRUE(early.Record(Key(i), Record("s")));
  });
  threads.emplace_back([&] {
    // Garbage enough for one rewrite after another.
    for (int round = 0; round < 3; ++round) {
      CacheIndex index = OpenIndex(path_);
      for (int i = 0; i < 1300; ++i) {
        EXPECT_TRUE(index.Record(Key(0), Record("garbage")));
      }
    }
  });
  threads.clear();
  CacheIndex index = Open();
  for (int i = 1; i <= 300; ++i) ASSERT_TRUE(index.Find(Key(i))) << i;
}

TEST_F(CacheIndexTest, SaysWhereItCannotBeRead) {
  dir_.MakeDir("index");
  auto index = CacheIndex::Open(path_);
  ASSERT_FALSE(index);
  EXPECT_NE(index.error().message().find(path_), std::string::npos)
      << index.error().message();
}

}  // namespace
}  // namespace strake::builder::cache
