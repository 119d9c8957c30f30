// The rule behind a zone file's last transition, "CET-1CEST,M3.5.0,M10.5.0/3"
// (RFC 8536 section 3.3, POSIX TZ).

#ifndef STRAKE_TASKS_GOTMPL_ZONE_RULE_H_
#define STRAKE_TASKS_GOTMPL_ZONE_RULE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/gotmpl/time_zone.h"

namespace strake::tasks::gotmpl {

class ZoneRule {
 public:
  static std::optional<ZoneRule> Parse(std::string_view text);

  ZoneOffset At(int64_t unix_seconds) const;

 private:
  // A moment of each year.
  struct Change {
    enum class Kind { kDayOfYear, kJulianDay, kWeekDay };
    Kind kind = Kind::kWeekDay;
    int month = 0;
    int week = 0;
    int day = 0;
    int seconds = 2 * 3600;  // into the day, local time
  };

  static std::optional<Change> TakeChange(std::string_view& rest);
  // Local seconds since 1970 of the change in `year`.
  static int64_t When(const Change& change, int64_t year);

  ZoneOffset standard_;
  std::optional<ZoneOffset> summer_;
  Change begin_;
  Change end_;
};

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_ZONE_RULE_H_
