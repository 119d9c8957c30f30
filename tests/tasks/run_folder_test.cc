#include "tasks/run/run_folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "tasks/run/run_record.h"
#include "tests/support/temp_dir.h"
#include "util/atomic_file.h"

namespace strake::tasks::run {
namespace {

namespace fs = std::filesystem;

std::string ReadAll(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

void WriteRecord(const RunFolder& folder, RunStatus status) {
  RunRecord record;
  record.id = folder.id();
  record.status = status;
  ASSERT_TRUE(
      WriteFileAtomically(folder.record_path(), FormatRunRecord(record)));
}

TEST(RunFolderTest, EachRunHasAnIdOfItsOwn) {
  testing::TempDir store;
  std::optional<std::string> first, second;
  {
    auto folder = RunFolder::Make(store.path());
    ASSERT_TRUE(folder) << folder.error().message();
    first = folder->id();
    EXPECT_TRUE(fs::is_directory(folder->workspace()));
  }
  auto folder = RunFolder::Make(store.path());
  ASSERT_TRUE(folder);
  EXPECT_EQ(*first, "ca1");
  EXPECT_EQ(folder->id(), "ca2");
}

TEST(RunFolderTest, AGivenIdIsTakenOnce) {
  testing::TempDir store;
  auto folder = RunFolder::Make(store.path(), "nightly-1");
  ASSERT_TRUE(folder);
  EXPECT_EQ(folder->id(), "nightly-1");
  EXPECT_FALSE(RunFolder::Make(store.path(), "nightly-1"));
  for (const char* id : {"../x", "a/b", ".x", "last", "lock", "a b"}) {
    EXPECT_FALSE(RunFolder::Make(store.path(), id)) << id;
  }
}

TEST(RunFolderTest, OnlyTheRecordAndLogsOutliveTheRun) {
  testing::TempDir store;
  std::string path;
  {
    auto folder = RunFolder::Make(store.path());
    ASSERT_TRUE(folder);
    path = folder->path();
    WriteRecord(*folder, RunStatus::kSucceeded);
  }
  EXPECT_TRUE(fs::exists(path + "/run.json"));
  EXPECT_FALSE(fs::exists(path + "/live"));
}

TEST(RunFolderTest, ARunWithoutARecordLeavesNothing) {
  testing::TempDir store;
  std::string path;
  {
    auto folder = RunFolder::Make(store.path());
    ASSERT_TRUE(folder);
    path = folder->path();
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(RunFolderTest, CleansUpAfterRunsThatWereKilled) {
  testing::TempDir store;
  auto alive = RunFolder::Make(store.path());
  ASSERT_TRUE(alive);
  WriteRecord(*alive, RunStatus::kRunning);
  // A copy without a lock is what a killed strake leaves.
  const std::string dead = store.path() + "/runs/dead";
  fs::copy(alive->path(), dead, fs::copy_options::recursive);
  CleanUpRuns(store.path(), 10);
  EXPECT_FALSE(fs::exists(dead + "/live"));
  EXPECT_NE(ReadAll(dead + "/run.json").find("\"Error\""), std::string::npos);
  EXPECT_TRUE(fs::exists(alive->live()));
  EXPECT_NE(ReadAll(alive->record_path()).find("\"Running\""),
            std::string::npos);
}

TEST(RunFolderTest, KeepsTheNewestRuns) {
  testing::TempDir store;
  for (int i = 0; i < 5; ++i) {
    auto folder = RunFolder::Make(store.path());
    ASSERT_TRUE(folder);
    WriteRecord(*folder, RunStatus::kFailed);
  }
  for (int i = 1; i <= 5; ++i) {
    fs::last_write_time(
        store.path() + "/runs/ca" + std::to_string(i),
        fs::file_time_type::clock::now() + std::chrono::seconds(i));
  }
  CleanUpRuns(store.path(), 2);
  EXPECT_FALSE(fs::exists(store.path() + "/runs/ca3"));
  EXPECT_TRUE(fs::exists(store.path() + "/runs/ca4"));
  EXPECT_TRUE(fs::exists(store.path() + "/runs/ca5"));
}

}  // namespace
}  // namespace strake::tasks::run
