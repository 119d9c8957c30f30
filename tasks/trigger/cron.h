// Schedules of timers: NCrontab with exactly five fields, "minute hour
// day-of-month month day-of-week".
//
// A field is `*`, `n`, `a-b`, `*/step`, `a-b/step` or a list of these; months
// may be named Jan-Dec, days of the week Sun-Sat (any case; Sunday is 0). A
// day must match both of its fields, as NCrontab has it: `0 0 13 * Fri` is
// Friday the 13th.
//
// In a zone whose clocks change, a time that a day skips runs at the moment
// when the clock is set forward, once for all that is skipped; one that comes
// twice runs the first time only. So `30 2 * * *` runs once a day, always.
//
// Immutable values; safe to use from any thread.

#ifndef STRAKE_TASKS_TRIGGER_CRON_H_
#define STRAKE_TASKS_TRIGGER_CRON_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/gotmpl/time_zone.h"
#include "tasks/trigger/local_time.h"
#include "util/result.h"

namespace strake::tasks::trigger {

class Cron {
 public:
  // `kInvalidArgument` says which field is wrong and what to write instead;
  // also for what never comes (February 30), for seconds, years and @daily.
  static Result<Cron> Parse(std::string_view text);

  // As it was written, with one blank between the fields.
  const std::string& text() const { return text_; }

  // The first occurrence later than `after`; there is always one.
  std::chrono::sys_seconds Next(std::chrono::sys_seconds after,
                                const gotmpl::TimeZone& zone) const;

  // What was due in (`after`, `until`], in order: the first `limit` of it.
  std::vector<std::chrono::sys_seconds> Between(std::chrono::sys_seconds after,
                                                std::chrono::sys_seconds until,
                                                const gotmpl::TimeZone& zone,
                                                size_t limit) const;

  // The last occurrence in (`after`, `until`]: what to catch up with once. Its
  // cost does not grow with the number of occurrences.
  std::optional<std::chrono::sys_seconds> Last(
      std::chrono::sys_seconds after, std::chrono::sys_seconds until,
      const gotmpl::TimeZone& zone) const;

  // Whether both mean the same times, however they are written.
  bool SameTimes(const Cron& other) const;

 private:
  Cron() = default;

  // The first local time from `from` (a whole minute) on that matches.
  LocalSeconds NextLocal(LocalSeconds from) const;
  // The first minute of a day from `from` on that matches, or -1.
  int NextMinuteOfDay(int from) const;
  bool HasPossibleDate() const;

  std::string text_;
  // Bit n: the value n.
  uint64_t minutes_ = 0;
  uint64_t hours_ = 0;
  uint64_t days_ = 0;
  uint64_t months_ = 0;
  uint64_t weekdays_ = 0;
};

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_CRON_H_
