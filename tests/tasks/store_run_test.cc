#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "tasks/store/queue.h"
#include "tasks/store/run_log.h"
#include "tasks/store/run_table.h"
#include "tests/tasks/store_fixture.h"

namespace strake::tasks::store {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using testing::FailsWith;
using testing::IsOk;

class StoreRunTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (database_ == nullptr) return;
    queue_.emplace(*database_, *secrets_);
    runs_.emplace(*database_);
    log_.emplace(*database_);
  }

  Lease Begin(const std::string& task) {
    NewRun run;
    run.task = task;
    EXPECT_TRUE(IsOk(queue_->Enqueue(run)));
    auto claimed = queue_->Claim("w", seconds(60));
    EXPECT_TRUE(IsOk(claimed));
    return (*claimed)->lease;
  }
  void End(const Lease& lease, RunState state,
           std::vector<run::ImageName> images = {}) {
    Outcome outcome;
    outcome.state = state;
    outcome.images = std::move(images);
    outcome.record = "{\"id\": 1}";
    auto finished = queue_->Finish(lease, outcome);
    EXPECT_TRUE(IsOk(finished));
    EXPECT_TRUE(*finished);
  }
  // "ca3 ca1"
  std::string Ids(const RunFilter& filter) {
    auto runs = runs_->List(filter);
    EXPECT_TRUE(IsOk(runs));
    std::string ids;
    for (const StoredRun& run : *runs) {
      ids += (ids.empty() ? "" : " ") + run.id;
    }
    return ids;
  }
  std::string LogOf(const std::string& id, int64_t offset = 0,
                    size_t max = 1 << 20) {
    auto part = log_->Read(id, offset, max);
    EXPECT_TRUE(IsOk(part));
    return part->text;
  }

  std::optional<Queue> queue_;
  std::optional<RunTable> runs_;
  std::optional<RunLog> log_;
};
STRAKE_WITH_BOTH_DATABASES(StoreRunTest);

run::ImageName Image(const std::string& repository, const std::string& tag,
                     const std::string& digest) {
  run::ImageName image;
  image.registry = "r.example.com";
  image.repository = repository;
  image.tag = tag;
  image.digest = digest;
  return image;
}

TEST_P(StoreRunTest, RunsAreListedNewestFirstByPages) {
  for (int i = 0; i < 5; ++i) Begin(i % 2 == 0 ? "a" : "b");
  EXPECT_EQ(Ids({}), "ca5 ca4 ca3 ca2 ca1");
  RunFilter filter;
  filter.limit = 2;
  EXPECT_EQ(Ids(filter), "ca5 ca4");
  filter.before = 4;
  EXPECT_EQ(Ids(filter), "ca3 ca2");
  filter.task = "a";
  EXPECT_EQ(Ids(filter), "ca3 ca1");
}

TEST_P(StoreRunTest, RunsAreFoundByTaskStateAndImage) {
  End(Begin("a"), RunState::kSucceeded,
      {Image("web", "1", "sha256:1"), Image("web", "latest", "sha256:1")});
  End(Begin("b"), RunState::kFailed);
  End(Begin("a"), RunState::kSucceeded,
      {Image("web", "2", "sha256:2"), Image("web", "latest", "sha256:2")});
  Begin("a");
  EXPECT_EQ(Ids({.task = "a"}), "ca4 ca3 ca1");
  EXPECT_EQ(Ids({.state = RunState::kFailed}), "ca2");
  EXPECT_EQ(Ids({.task = "a", .state = RunState::kRunning}), "ca4");
  EXPECT_EQ(Ids({.image = Image("web", "latest", "")}), "ca3 ca1");
  EXPECT_EQ(Ids({.image = Image("web", "", "")}), "ca3 ca1");
  EXPECT_EQ(Ids({.image = Image("web", "1", "")}), "ca1");
  EXPECT_EQ(Ids({.image = Image("", "", "sha256:2")}), "ca3");
  EXPECT_EQ(Ids({.image = Image("web", "latest", ""), .before = 3}), "ca1");
  EXPECT_EQ(Ids({.task = "b", .image = Image("web", "", "")}), "");
  EXPECT_EQ(Ids({.task = "a", .image = Image("web", "", ""), .limit = 1}),
            "ca3");
  auto run = runs_->Get("ca3");
  ASSERT_TRUE(IsOk(run));
  ASSERT_EQ(run->images.size(), 2u);
  EXPECT_EQ(run->images[0].tag, "2");
  EXPECT_EQ(*runs_->Record("ca3"), "{\"id\": 1}");
  EXPECT_TRUE(FailsWith(runs_->Get("ca99"), ErrorCode::kNotFound));
  EXPECT_TRUE(FailsWith(runs_->List({.image = Image("", "x", "")}),
                        ErrorCode::kInvalidArgument));
}

TEST_P(StoreRunTest, ARunsJsonHasAcrsNames) {
  NewRun run;
  run.task = "a";
  run.cause = TimerCause{"t1", clock_.Now()};
  ASSERT_TRUE(IsOk(queue_->Enqueue(run)));
  auto stored = runs_->Get("ca1");
  ASSERT_TRUE(IsOk(stored));
  const std::string json = FormatRun(*stored);
  for (const char* text :
       {"\"runId\": \"ca1\"", "\"status\": \"Queued\"",
        "\"runType\": \"AutoRun\"", "\"timerTriggerName\": \"t1\"",
        "\"scheduleOccurrence\"", "\"sourceTrigger\": null",
        "\"isArchiveEnabled\": false", "\"startTime\": null"}) {
    EXPECT_NE(json.find(text), std::string::npos) << text << "\n" << json;
  }
}

TEST_P(StoreRunTest, EveryCauseComesBack) {
  ImageCause images{"1", clock_.Now(), {Image("alpine", "3", "sha256:a")}};
  for (const RunCause& cause :
       {RunCause(ManualCause()), RunCause(images),
        RunCause(TimerCause{"t", clock_.Now()}),
        RunCause(SourceCause{"1", "pullrequest", "c", "7", "u", "b", "p"})}) {
    auto back = ParseCause(FormatCause(cause));
    ASSERT_TRUE(IsOk(back));
    EXPECT_EQ(FormatCause(*back), FormatCause(cause));
    EXPECT_EQ(CauseName(*back), CauseName(cause));
  }
}

TEST_P(StoreRunTest, ALogIsReadFromAnyOffsetWhileItGrows) {
  Lease lease = Begin("a");
  EXPECT_TRUE(*log_->Append(lease, 0, "hello "));
  EXPECT_TRUE(*log_->Append(lease, 6, "world\n"));
  EXPECT_EQ(LogOf("ca1"), "hello world\n");
  EXPECT_EQ(LogOf("ca1", 3), "lo world\n");
  EXPECT_EQ(LogOf("ca1", 6), "world\n");
  EXPECT_EQ(LogOf("ca1", 12), "");
  EXPECT_EQ(LogOf("ca1", 99), "");
  auto part = log_->Read("ca1", 0, 1);
  ASSERT_TRUE(IsOk(part));
  EXPECT_EQ(part->text, "hello ");
  EXPECT_EQ(part->next_offset, 6);
  EXPECT_TRUE(part->more);
  EXPECT_EQ(part->state, RunState::kRunning);
  EXPECT_TRUE(FailsWith(log_->Read("ca9", 0), ErrorCode::kNotFound));
}

TEST_P(StoreRunTest, ALogTakesAnyBytes) {
  Lease lease = Begin("a");
  std::string bytes;
  for (int i = 0; i < 300000; ++i) bytes += static_cast<char>(i * 7 % 256);
  ASSERT_TRUE(IsOk(log_->Append(lease, 0, bytes)));
  std::string read;
  for (bool more = true; more;) {
    auto part = log_->Read("ca1", static_cast<int64_t>(read.size()), 100000);
    ASSERT_TRUE(IsOk(part));
    read += part->text;
    more = part->more;
  }
  EXPECT_EQ(read, bytes);
}

TEST_P(StoreRunTest, AppendingAgainDoesNoHarm) {
  Lease lease = Begin("a");
  EXPECT_TRUE(*log_->Append(lease, 0, "one\n"));
  EXPECT_TRUE(*log_->Append(lease, 0, "one\n"));
  EXPECT_EQ(LogOf("ca1"), "one\n");
  EXPECT_TRUE(FailsWith(log_->Append(lease, 9, "two\n"), ErrorCode::kInternal,
                        "ends at byte 4"));
}

TEST_P(StoreRunTest, WhoLostTheRunWritesNoLog) {
  Lease lease = Begin("a");
  clock_.Advance(seconds(61));
  ASSERT_TRUE(IsOk(queue_->ExpireLeases()));
  auto second = queue_->Claim("two", seconds(60));
  ASSERT_TRUE(IsOk(second));
  auto held = log_->Append(lease, 0, "late");
  ASSERT_TRUE(IsOk(held));
  EXPECT_FALSE(*held);
  EXPECT_TRUE(*log_->Append((*second)->lease, 0, "new"));
  EXPECT_EQ(LogOf("ca1"), "new");
}

TEST_P(StoreRunTest, OldRunsAreTakenAwayInBatches) {
  for (int i = 0; i < 5; ++i) {
    Lease lease = Begin("a");
    ASSERT_TRUE(IsOk(log_->Append(lease, 0, "text")));
    End(lease, RunState::kSucceeded, {Image("web", "1", "sha256:1")});
  }
  ASSERT_TRUE(IsOk(runs_->SetArchived("ca2", true)));
  clock_.Advance(hours(1));
  run::Time cut = clock_.Now();
  clock_.Advance(hours(1));
  End(Begin("a"), RunState::kSucceeded);
  Begin("a");
  EXPECT_EQ(*runs_->PruneRuns(cut, 3), 3u);
  EXPECT_EQ(*runs_->PruneRuns(cut, 3), 1u);
  EXPECT_EQ(*runs_->PruneRuns(cut, 3), 0u);
  EXPECT_EQ(Ids({}), "ca7 ca6 ca2");
  EXPECT_EQ(LogOf("ca2"), "text");
  EXPECT_TRUE(IsOk(database_->Read([](Connection& connection) -> Status {
    auto rows = connection.Query("SELECT count(*) FROM run_log_chunks", 1);
    EXPECT_EQ(rows->at(0)[0].number(), 1);
    rows = connection.Query("SELECT count(*) FROM run_images", 1);
    EXPECT_EQ(rows->at(0)[0].number(), 1);
    return {};
  })));
}

TEST_P(StoreRunTest, LogsAreTakenAwayByAgeAndBySize) {
  for (int i = 0; i < 4; ++i) {
    Lease lease = Begin("a");
    ASSERT_TRUE(IsOk(log_->Append(lease, 0, std::string(1000, 'x'))));
    End(lease, RunState::kFailed);
    clock_.Advance(hours(1));
  }
  EXPECT_EQ(*runs_->PruneLogs(clock_.Now() - hours(4) + seconds(1)), 1u);
  EXPECT_TRUE(log_->Read("ca1", 0)->pruned);
  EXPECT_EQ(LogOf("ca1"), "");
  EXPECT_EQ(*runs_->PruneLogsBeyond(3000), 0u);
  EXPECT_EQ(*runs_->PruneLogsBeyond(1500), 2u);
  EXPECT_TRUE(log_->Read("ca3", 0)->pruned);
  EXPECT_EQ(LogOf("ca4").size(), 1000u);
  EXPECT_EQ(Ids({}), "ca4 ca3 ca2 ca1");
}

TEST_P(StoreRunTest, AnEventIsForgottenWithTime) {
  NewRun run;
  run.event = "commit:a:1";
  ASSERT_TRUE(IsOk(queue_->Enqueue(run)));
  clock_.Advance(hours(1));
  EXPECT_EQ(*runs_->PruneEvents(clock_.Now() - hours(2)), 0u);
  EXPECT_EQ(queue_->Enqueue(run)->result, EnqueueResult::kDuplicate);
  EXPECT_EQ(*runs_->PruneEvents(clock_.Now()), 1u);
  EXPECT_EQ(queue_->Enqueue(run)->result, EnqueueResult::kQueued);
}

}  // namespace
}  // namespace strake::tasks::store
