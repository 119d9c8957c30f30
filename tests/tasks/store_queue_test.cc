#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <random>
#include <set>
#include <shared_mutex>
#include <string>
#include <thread>
#include <vector>

#include "tasks/store/queue.h"
#include "tests/tasks/store_fixture.h"

namespace strake::tasks::store {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::FailsWith;
using testing::IsOk;

constexpr milliseconds kLease = seconds(30);

class StoreQueueTest : public StoreTest {
 protected:
  void SetUp() override {
    StoreTest::SetUp();
    if (database_ != nullptr) queue_.emplace(*database_, *secrets_);
  }

  NewRun RunOf(const std::string& task) {
    NewRun run;
    run.task = task;
    run.request = "do " + task;
    return run;
  }
  std::string Put(const NewRun& run) {
    auto done = queue_->Enqueue(run);
    EXPECT_TRUE(IsOk(done));
    return done ? done->run_id : "";
  }
  std::optional<ClaimedRun> Claim(const std::string& worker = "w") {
    auto claimed = queue_->Claim(worker, kLease);
    EXPECT_TRUE(IsOk(claimed));
    return claimed ? *claimed : std::nullopt;
  }
  std::string ClaimedId() {
    auto claimed = Claim();
    return claimed ? claimed->run.id : "";
  }
  bool Finish(const Lease& lease, RunState state = RunState::kSucceeded) {
    Outcome outcome;
    outcome.state = state;
    auto finished = queue_->Finish(lease, outcome);
    EXPECT_TRUE(IsOk(finished));
    return finished && *finished;
  }
  // The states of all runs, by id.
  std::map<std::string, std::string> States() {
    std::map<std::string, std::string> states;
    EXPECT_TRUE(IsOk(database_->Read([&](Connection& connection) -> Status {
      auto rows = connection.Query("SELECT id, status FROM runs", 2);
      if (!rows) return rows.error();
      for (const Row& row : *rows) states[row[0].text()] = row[1].text();
      return {};
    })));
    return states;
  }

  std::optional<Queue> queue_;
};
STRAKE_WITH_BOTH_DATABASES(StoreQueueTest);

TEST_P(StoreQueueTest, GivesRunsInTheOrderOfPriorityAndAge) {
  EXPECT_EQ(Put(RunOf("a")), "ca1");
  EXPECT_EQ(Put(RunOf("b")), "ca2");
  NewRun urgent = RunOf("c");
  urgent.priority = 5;
  Put(urgent);
  EXPECT_EQ(ClaimedId(), "ca3");
  EXPECT_EQ(ClaimedId(), "ca1");
  EXPECT_EQ(ClaimedId(), "ca2");
  EXPECT_EQ(ClaimedId(), "");
}

TEST_P(StoreQueueTest, AClaimHasWhatWasQueued) {
  NewRun run = RunOf("build");
  run.cause = SourceCause{"1", "commit", "abc", "", "https://x/y", "main", ""};
  run.platform = "linux/arm64";
  Put(run);
  auto claimed = Claim("host:1");
  ASSERT_TRUE(claimed);
  EXPECT_EQ(claimed->request, "do build");
  EXPECT_EQ(claimed->run.task, "build");
  EXPECT_EQ(claimed->run.platform, "linux/arm64");
  EXPECT_EQ(claimed->run.state, RunState::kRunning);
  EXPECT_EQ(claimed->run.worker, "host:1");
  EXPECT_EQ(claimed->run.attempts, 1);
  EXPECT_EQ(CauseName(claimed->run.cause), "Commit");
  EXPECT_EQ(std::get<SourceCause>(claimed->run.cause).commit, "abc");
}

TEST_P(StoreQueueTest, AnEventLeadsToOneRun) {
  NewRun run = RunOf("a");
  run.event = "commit:a:123";
  auto first = queue_->Enqueue(run);
  ASSERT_TRUE(IsOk(first));
  EXPECT_EQ(first->result, EnqueueResult::kQueued);
  ASSERT_TRUE(Finish(Claim()->lease));
  auto again = queue_->Enqueue(run);
  ASSERT_TRUE(IsOk(again));
  EXPECT_EQ(again->result, EnqueueResult::kDuplicate);
  EXPECT_EQ(again->run_id, first->run_id);
  EXPECT_FALSE(Claim());
  // The next id has no gap before it.
  EXPECT_EQ(Put(RunOf("a")), "ca2");
}

TEST_P(StoreQueueTest, AnEventDeliveredByManyAtOnceLeadsToOneRun) {
  std::vector<std::thread> senders;
  std::mutex mutex;
  std::set<std::string> ids;
  for (int sender = 0; sender < 4; ++sender) {
    senders.emplace_back([&] {
      auto database = OpenAnother();
      Queue queue(*database, *secrets_);
      for (int event = 0; event < 10; ++event) {
        NewRun run = RunOf("a");
        run.event = "timer:a:t1:" + std::to_string(event);
        auto done = queue.Enqueue(run);
        EXPECT_TRUE(IsOk(done));
        std::lock_guard lock(mutex);
        if (done) ids.insert(done->run_id);
      }
    });
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(ids.size(), 10u);
  EXPECT_EQ(States().size(), 10u);
}

TEST_P(StoreQueueTest, AWaitingRunTakesANewerOneIn) {
  NewRun run = RunOf("a");
  run.coalesce = true;
  Put(run);
  run.request = "newer";
  auto second = queue_->Enqueue(run);
  ASSERT_TRUE(IsOk(second));
  EXPECT_EQ(second->result, EnqueueResult::kCoalesced);
  EXPECT_EQ(second->run_id, "ca1");
  auto claimed = Claim();
  EXPECT_EQ(claimed->request, "newer");
  // One that is at work takes in nothing: another follows it.
  EXPECT_EQ(Put(run), "ca2");
}

TEST_P(StoreQueueTest, ANewerRunSupersedesThoseOfItsGroup) {
  NewRun run = RunOf("a");
  run.cancel_superseded = true;
  run.group = "a:main";
  Put(run);
  auto working = Claim();
  Put(run);
  NewRun other = run;
  other.group = "a:other";
  Put(other);
  auto done = queue_->Enqueue(run);
  ASSERT_TRUE(IsOk(done));
  EXPECT_EQ(
      std::set<std::string>(done->superseded.begin(), done->superseded.end()),
      (std::set<std::string>{"ca1", "ca2"}));
  auto renewed = queue_->Renew(working->lease, kLease);
  ASSERT_TRUE(IsOk(renewed));
  EXPECT_TRUE(renewed->held);
  EXPECT_TRUE(renewed->cancel);
  auto states = States();
  EXPECT_EQ(states["ca2"], "Canceled");
  EXPECT_EQ(states["ca3"], "Queued");
  EXPECT_EQ(states["ca4"], "Queued");
}

TEST_P(StoreQueueTest, ATaskHasNoMoreRunsAtWorkThanItAllows) {
  NewRun run = RunOf("a");
  run.concurrency = 1;
  Put(run);
  Put(run);
  Put(RunOf("b"));
  auto first = Claim();
  EXPECT_EQ(first->run.id, "ca1");
  EXPECT_EQ(ClaimedId(), "ca3");
  EXPECT_EQ(ClaimedId(), "");
  ASSERT_TRUE(Finish(first->lease));
  EXPECT_EQ(ClaimedId(), "ca2");
}

TEST_P(StoreQueueTest, ASilentWorkerLosesItsRun) {
  Put(RunOf("a"));
  auto first = Claim("one");
  clock_.Advance(kLease);
  // Late, but nobody else has it yet.
  auto renewed = queue_->Renew(first->lease, kLease);
  ASSERT_TRUE(IsOk(renewed));
  EXPECT_TRUE(renewed->held);
  EXPECT_FALSE(renewed->cancel);
  clock_.Advance(kLease + seconds(1));
  EXPECT_FALSE(Claim("two"));
  auto expired = queue_->ExpireLeases();
  ASSERT_TRUE(IsOk(expired));
  ASSERT_EQ(expired->size(), 1u);
  EXPECT_EQ(expired->front().state, RunState::kQueued);
  auto second = Claim("two");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->run.id, "ca1");
  EXPECT_EQ(second->run.attempts, 2);
  renewed = queue_->Renew(first->lease, kLease);
  ASSERT_TRUE(IsOk(renewed));
  EXPECT_FALSE(renewed->held);
  EXPECT_FALSE(Finish(first->lease, RunState::kFailed));
  EXPECT_TRUE(Finish(second->lease));
  EXPECT_FALSE(Finish(second->lease));
  EXPECT_EQ(States()["ca1"], "Succeeded");
}

TEST_P(StoreQueueTest, ARunWhoseWorkersAllFallSilentEndsAsError) {
  NewRun run = RunOf("a");
  run.max_attempts = 2;
  Put(run);
  for (RunState state : {RunState::kQueued, RunState::kError}) {
    ASSERT_TRUE(Claim());
    clock_.Advance(kLease + seconds(1));
    auto expired = queue_->ExpireLeases();
    ASSERT_TRUE(IsOk(expired));
    ASSERT_EQ(expired->size(), 1u);
    EXPECT_EQ(expired->front().state, state);
  }
  EXPECT_FALSE(Claim());
  EXPECT_EQ(States()["ca1"], "Error");
}

TEST_P(StoreQueueTest, AFailureOfTheMachineIsTriedAgainLater) {
  NewRun run = RunOf("a");
  run.max_attempts = 2;
  Put(run);
  auto retried = queue_->Retry(Claim()->lease, "registry away", seconds(10));
  ASSERT_TRUE(IsOk(retried));
  EXPECT_EQ(*retried, RetryResult::kQueued);
  EXPECT_FALSE(Claim());
  clock_.Advance(seconds(10));
  auto second = Claim();
  ASSERT_TRUE(second);
  retried = queue_->Retry(second->lease, "registry away", seconds(10));
  ASSERT_TRUE(IsOk(retried));
  EXPECT_EQ(*retried, RetryResult::kNoneLeft);
  EXPECT_EQ(States()["ca1"], "Error");
  retried = queue_->Retry(second->lease, "registry away", seconds(10));
  ASSERT_TRUE(IsOk(retried));
  EXPECT_EQ(*retried, RetryResult::kLost);
}

TEST_P(StoreQueueTest, CancellingEndsWhatWaitsAndAsksWhatWorks) {
  Put(RunOf("a"));
  Put(RunOf("b"));
  auto working = Claim();
  auto state = queue_->Cancel("ca1");
  ASSERT_TRUE(IsOk(state));
  EXPECT_EQ(*state, RunState::kRunning);
  state = queue_->Cancel("ca2");
  ASSERT_TRUE(IsOk(state));
  EXPECT_EQ(*state, RunState::kCanceled);
  EXPECT_TRUE(queue_->Renew(working->lease, kLease)->cancel);
  EXPECT_FALSE(Claim());
  EXPECT_TRUE(
      FailsWith(queue_->Cancel("ca9"), ErrorCode::kNotFound, "no run ca9"));
  // Its worker dies before it has ended the run.
  clock_.Advance(kLease + seconds(1));
  auto expired = queue_->ExpireLeases();
  ASSERT_TRUE(IsOk(expired));
  EXPECT_EQ(expired->at(0).state, RunState::kCanceled);
}

// Workers that vanish with every fourth run or so; who does the run to its end
// notes it.
TEST_P(StoreQueueTest, ManyWorkersDoEachRunOnce) {
  constexpr int kRuns = 1000;
  for (int i = 0; i < kRuns; ++i) {
    NewRun run = RunOf("t" + std::to_string(i % 7));
    run.max_attempts = 1000;
    run.concurrency = i % 2 == 0 ? 0 : 3;
    Put(run);
  }
  std::mutex mutex;
  std::map<std::string, int> done;
  std::set<std::string> at_work;
  // Time passes for all at once, while nobody is at work on a run.
  std::shared_mutex moment;
  auto do_one = [&](Queue& queue, bool vanish) {
    std::shared_lock now(moment);
    auto claimed = queue.Claim("w", kLease);
    EXPECT_TRUE(IsOk(claimed));
    if (!claimed || !*claimed) return false;
    const std::string id = (*claimed)->run.id;
    {
      std::lock_guard lock(mutex);
      EXPECT_TRUE(at_work.insert(id).second) << id << " is at work twice";
    }
    bool finished = !vanish && Finish((*claimed)->lease);
    std::lock_guard lock(mutex);
    at_work.erase(id);
    if (finished) ++done[id];
    return true;
  };
  std::vector<std::thread> workers;
  for (unsigned seed = 1; seed <= 4; ++seed) {
    workers.emplace_back([&, seed] {
      std::minstd_rand random(seed);
      auto database = OpenAnother();
      Queue queue(*database, *secrets_);
      for (;;) {
        if (do_one(queue, random() % 4 == 0)) continue;
        std::unique_lock now(moment);
        clock_.Advance(kLease + seconds(1));
        auto expired = queue.ExpireLeases();
        if (!expired || done.size() == kRuns) return;
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(done.size(), size_t{kRuns});
  for (const auto& [id, count] : done) EXPECT_EQ(count, 1) << id;
  for (const auto& [id, state] : States()) EXPECT_EQ(state, "Succeeded") << id;
}

}  // namespace
}  // namespace strake::tasks::store
