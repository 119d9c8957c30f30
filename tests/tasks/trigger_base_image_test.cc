#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tasks/trigger/base_image.h"
#include "tasks/trigger/poll_plan.h"

namespace strake::tasks::trigger {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

run::ImageName Image(const std::string& registry, const std::string& repository,
                     const std::string& tag, const std::string& digest = "") {
  return {registry, repository, tag, digest, ""};
}

class Registry {
 public:
  std::map<std::string, std::string> digests;
  std::map<std::string, int> asked;

  DigestLookup Lookup() {
    return [this](const run::ImageName& image) {
      ++asked[TagName(image)];
      auto found = digests.find(TagName(image));
      return found == digests.end() ? std::string() : found->second;
    };
  }
};

DependentTask Task(const std::string& name, BaseImageTriggerType type) {
  return {name,
          type,
          {{Image("r", "base", "1", "sha256:a"), true},
           {Image("r", "base", "2", "sha256:a"), true},
           {Image("r", "golang", "1", "sha256:g"), false},
           {Image("r", "pinned", "", "sha256:p"), true}}};
}

TEST(BaseImageTest, OneUpdateForATaskHoweverManyTagsMoved) {
  Registry registry;
  registry.digests = {{"r/base:1", "sha256:b"}, {"r/base:2", "sha256:b"}};
  auto updates = FindUpdates({Task("web", BaseImageTriggerType::kRuntime)},
                             registry.Lookup());
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].task, "web");
  ASSERT_EQ(updates[0].images.size(), 2u);
  EXPECT_EQ(updates[0].images[0].tag, "1");
  EXPECT_EQ(updates[0].images[1].digest, "sha256:b");
}

TEST(BaseImageTest, TheSameManifestOrAnUnknownOneIsNoUpdate) {
  Registry registry;
  registry.digests = {{"r/base:1", "sha256:a"}, {"r/base:3", "sha256:b"}};
  EXPECT_TRUE(
      FindUpdates({Task("web", BaseImageTriggerType::kAll)}, registry.Lookup())
          .empty());
}

TEST(BaseImageTest, OnlyAllLooksAtWhatWasUsedToBuild) {
  Registry registry;
  registry.digests = {{"r/golang:1", "sha256:h"}};
  auto updates = FindUpdates({Task("web", BaseImageTriggerType::kRuntime),
                              Task("api", BaseImageTriggerType::kAll)},
                             registry.Lookup());
  ASSERT_EQ(updates.size(), 1u);
  EXPECT_EQ(updates[0].task, "api");
}

TEST(BaseImageTest, AsksOnceForATagOfManyTasks) {
  Registry registry;
  std::vector<DependentTask> tasks;
  for (int i = 0; i < 50; ++i) {
    tasks.push_back(Task("t" + std::to_string(i), BaseImageTriggerType::kAll));
  }
  FindUpdates(tasks, registry.Lookup());
  EXPECT_EQ(registry.asked,
            (std::map<std::string, int>{
                {"r/base:1", 1}, {"r/base:2", 1}, {"r/golang:1", 1}}));
}

TEST(BaseImageTest, AChangeHasOneIdAndAnotherChangeAnother) {
  Registry registry;
  auto id = [&](const std::string& task, const std::string& digest) {
    registry.digests["r/base:1"] = digest;
    auto updates = FindUpdates({Task(task, BaseImageTriggerType::kRuntime)},
                               registry.Lookup());
    return updates.empty() ? std::string() : updates[0].id;
  };
  std::string first = id("web", "sha256:b");
  EXPECT_FALSE(first.empty());
  EXPECT_EQ(id("web", "sha256:b"), first);
  EXPECT_NE(id("web", "sha256:c"), first);
  EXPECT_NE(id("api", "sha256:b"), first);
}

// Stands still but where it is moved.
class HandClock final : public Clock {
 public:
  std::chrono::system_clock::time_point now{seconds(1790000000)};

  std::chrono::system_clock::time_point Now() override { return now; }
  std::chrono::steady_clock::time_point SteadyNow() override {
    return std::chrono::steady_clock::time_point(now.time_since_epoch());
  }
  bool Wait(std::chrono::nanoseconds duration, std::stop_token) override {
    now += std::chrono::duration_cast<std::chrono::system_clock::duration>(
        duration);
    return true;
  }
};

TEST(PollPlanTest, AsksForEachImageOnceAnInterval) {
  HandClock clock;
  PollPlan plan(clock, {}, 1);
  EXPECT_FALSE(plan.NextDue().has_value());
  plan.Watch({Image("r", "a", "1"), Image("r", "b", "1")});
  std::map<std::string, std::vector<PollPlan::Time>> asked;
  auto begin = clock.now;
  while (clock.now < begin + hours(24)) {
    clock.now = std::max(clock.now, *plan.NextDue());
    for (const auto& image : plan.TakeDue()) {
      asked[image.repository].push_back(clock.now);
    }
  }
  for (const char* name : {"a", "b"}) {
    const auto& times = asked[name];
    ASSERT_GE(times.size(), 24u);
    EXPECT_LE(times[0] - begin, minutes(10));
    for (size_t i = 1; i < times.size(); ++i) {
      EXPECT_GE(times[i] - times[i - 1], minutes(10));
      EXPECT_LE(times[i] - times[i - 1], minutes(60));
    }
  }
  EXPECT_NE(asked["a"], asked["b"]);
}

TEST(PollPlanTest, KeepsWithinTheRateOfARegistry) {
  HandClock clock;
  PollPolicy policy;
  policy.requests_per_hour = 20;
  PollPlan plan(clock, policy, 1);
  std::vector<run::ImageName> images;
  for (int i = 0; i < 100; ++i) {
    images.push_back(Image("slow", std::to_string(i), "1"));
  }
  images.push_back(Image("other", "x", "1"));
  plan.Watch(images);
  std::vector<PollPlan::Time> asked;
  std::map<std::string, int> counts;
  auto begin = clock.now;
  while (clock.now < begin + hours(12)) {
    clock.now = std::max(clock.now, *plan.NextDue());
    for (const auto& image : plan.TakeDue()) {
      ++counts[image.registry + image.repository];
      if (image.registry == "slow") asked.push_back(clock.now);
    }
  }
  for (size_t i = 20; i < asked.size(); ++i) {
    EXPECT_GE(asked[i] - asked[i - 20], hours(1));
  }
  EXPECT_GE(asked.size(), 220u);
  // Nobody starves, and another registry does not wait.
  EXPECT_EQ(counts.size(), 101u);
  EXPECT_GE(counts["otherx"], 12);
}

TEST(PollPlanTest, LeavesARegistryAloneThatFails) {
  HandClock clock;
  PollPlan plan(clock, {}, 1);
  plan.Watch({Image("bad", "a", "1"), Image("good", "a", "1")});
  auto wait = [&] {
    plan.Failed("bad", {});
    clock.now += seconds(59);
    auto closed = clock.now;
    while (true) {
      clock.now = std::max(clock.now, *plan.NextDue());
      for (const auto& image : plan.TakeDue()) {
        if (image.registry == "bad") return clock.now - closed + seconds(59);
      }
    }
  };
  auto before = wait();
  EXPECT_GE(before, minutes(1));
  for (int i = 0; i < 5; ++i) {
    auto after = wait();
    EXPECT_GT(after, before);
    before = after;
  }
  for (int i = 0; i < 20; ++i) before = wait();
  EXPECT_LE(before, hours(6) * 5 / 4 + seconds(59));
  plan.Succeeded("bad");
  EXPECT_LE(wait(), minutes(2));
}

TEST(PollPlanTest, WaitsAsLongAsTheRegistrySays) {
  HandClock clock;
  PollPlan plan(clock, {}, 1);
  plan.Watch({Image("bad", "a", "1")});
  plan.Failed("bad", hours(9));
  EXPECT_GE(*plan.NextDue() - clock.now, hours(9));
  clock.now += hours(8);
  EXPECT_TRUE(plan.TakeDue().empty());
}

TEST(PollPlanTest, KeepsTheTimesOfWhatIsWatchedStill) {
  HandClock clock;
  PollPlan plan(clock, {}, 1);
  plan.Watch({Image("r", "a", "1")});
  auto due = plan.NextDue();
  plan.Watch({Image("r", "a", "1")});
  EXPECT_EQ(plan.NextDue(), due);
  plan.Watch({});
  clock.now += hours(2);
  EXPECT_TRUE(plan.TakeDue().empty());
}

}  // namespace
}  // namespace strake::tasks::trigger
