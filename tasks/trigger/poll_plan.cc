#include "tasks/trigger/poll_plan.h"

#include <algorithm>
#include <utility>

#include "tasks/trigger/base_image.h"

namespace strake::tasks::trigger {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::chrono::hours kHour{1};

}  // namespace

milliseconds PollPlan::RandomBetween(milliseconds low, milliseconds high) {
  std::uniform_int_distribution<int64_t> between(low.count(),
                                                 std::max(low, high).count());
  return milliseconds(between(random_));
}

void PollPlan::Watch(const std::vector<run::ImageName>& images) {
  std::map<std::string, Watched> watched;
  for (const run::ImageName& image : images) {
    std::string name = TagName(image);
    auto known = watched_.find(name);
    Time due = known != watched_.end()
                   ? known->second.due
                   : clock_.Now() + RandomBetween(seconds(0), policy_.shortest);
    watched.emplace(std::move(name), Watched{image, due});
  }
  watched_ = std::move(watched);
}

PollPlan::Time PollPlan::OpenFrom(const std::string& registry) const {
  auto found = registries_.find(registry);
  if (found == registries_.end()) return Time::min();
  const Registry& state = found->second;
  Time open = state.closed_until;
  size_t limit = std::max<size_t>(policy_.requests_per_hour, 1);
  if (state.asked.size() >= limit) {
    open = std::max(open, state.asked[state.asked.size() - limit] + kHour);
  }
  return open;
}

std::vector<run::ImageName> PollPlan::TakeDue() {
  Time now = clock_.Now();
  std::vector<Watched*> due;
  for (auto& entry : watched_) {
    if (entry.second.due <= now) due.push_back(&entry.second);
  }
  // Who waited longest is first where not all may go.
  std::stable_sort(due.begin(), due.end(), [](const auto* a, const auto* b) {
    return a->due < b->due;
  });
  std::vector<run::ImageName> taken;
  for (Watched* watched : due) {
    if (OpenFrom(watched->image.registry) > now) continue;
    std::deque<Time>& asked = registries_[watched->image.registry].asked;
    while (!asked.empty() && asked.front() + kHour <= now) asked.pop_front();
    asked.push_back(now);
    watched->due = now + RandomBetween(policy_.shortest, policy_.longest);
    taken.push_back(watched->image);
  }
  return taken;
}

std::optional<PollPlan::Time> PollPlan::NextDue() const {
  std::optional<Time> next;
  for (const auto& entry : watched_) {
    Time due =
        std::max(entry.second.due, OpenFrom(entry.second.image.registry));
    if (!next || due < *next) next = due;
  }
  return next;
}

void PollPlan::Succeeded(const std::string& registry) {
  auto found = registries_.find(registry);
  if (found == registries_.end()) return;
  found->second.failures = 0;
  found->second.closed_until = Time();
}

void PollPlan::Failed(const std::string& registry,
                      std::optional<seconds> retry_after) {
  Registry& state = registries_[registry];
  seconds wait = policy_.first_back_off;
  for (int i = 0; i < state.failures && wait < policy_.longest_back_off; ++i) {
    wait *= 2;
  }
  wait = std::min(wait, policy_.longest_back_off);
  ++state.failures;
  if (retry_after) wait = std::max(wait, *retry_after);
  // Up to a quarter more, so that not all come back together.
  Time until = clock_.Now() + wait + RandomBetween(seconds(0), wait / 4);
  state.closed_until = std::max(state.closed_until, until);
  // What failed is asked for again then, not an interval later.
  for (auto& entry : watched_) {
    Watched& watched = entry.second;
    if (watched.image.registry == registry) {
      watched.due = std::min(watched.due, until);
    }
  }
}

}  // namespace strake::tasks::trigger
