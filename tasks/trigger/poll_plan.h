// When to ask which registry for the digest of a base image.
//
// An image is asked for at a random time within each interval, so that many
// servers do not ask at once, and one registry no more often in an hour than it
// likes. A registry that fails is left alone: a little longer each time, or for
// as long as it says. What is asked is a HEAD of the tag, which costs neither
// bytes nor, at Docker Hub, the limit of pulls.

#ifndef STRAKE_TASKS_TRIGGER_POLL_PLAN_H_
#define STRAKE_TASKS_TRIGGER_POLL_PLAN_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tasks/run/run_record.h"
#include "util/clock.h"

namespace strake::tasks::trigger {

struct PollPolicy {
  // An image is asked for again after a time between these, of ACR.
  std::chrono::seconds shortest{600};
  std::chrono::seconds longest{3600};
  // Of one registry, in any hour.
  size_t requests_per_hour = 600;
  // After the first failure in a row; doubled for each further one.
  std::chrono::seconds first_back_off{60};
  std::chrono::seconds longest_back_off{6 * 3600};
};

// Not thread-safe: for the one thread that polls.
class PollPlan {
 public:
  using Time = std::chrono::system_clock::time_point;

  // `clock` is borrowed. Equal seeds give equal plans.
  PollPlan(Clock& clock, const PollPolicy& policy, uint64_t seed)
      : clock_(clock), policy_(policy), random_(seed) {}

  // Watches just these from now on, by registry, repository and tag. One that
  // is new is due within the shortest interval; others keep their times.
  void Watch(const std::vector<run::ImageName>& images);

  // Those to ask for now. Each is then due again after an interval, whether it
  // is answered or not.
  std::vector<run::ImageName> TakeDue();

  // When `TakeDue` gives something next; nothing where nothing is watched.
  std::optional<Time> NextDue() const;

  void Succeeded(const std::string& registry);
  // The images of this registry wait.
  //   retry_after  what the registry asked for, if it did
  void Failed(const std::string& registry,
              std::optional<std::chrono::seconds> retry_after);

 private:
  struct Watched {
    run::ImageName image;
    Time due;
  };
  struct Registry {
    int failures = 0;        // in a row
    Time closed_until;       // after a failure
    std::deque<Time> asked;  // within the last hour
  };

  std::chrono::milliseconds RandomBetween(std::chrono::milliseconds low,
                                          std::chrono::milliseconds high);
  // When the registry may be asked next.
  Time OpenFrom(const std::string& registry) const;

  Clock& clock_;
  PollPolicy policy_;
  std::mt19937_64 random_;
  std::map<std::string, Watched> watched_;  // by TagName
  std::map<std::string, Registry> registries_;
};

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_POLL_PLAN_H_
