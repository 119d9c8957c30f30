// Go's time.Time: a moment and the zone it is shown in.

#ifndef STRAKE_TASKS_GOTMPL_GO_TIME_H_
#define STRAKE_TASKS_GOTMPL_GO_TIME_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/gotmpl/time_zone.h"
#include "tasks/gotmpl/value.h"

namespace strake::tasks::gotmpl {

// Seconds since 1970; kept within some billion years, so that sums of them
// cannot overflow.
int64_t ClampSeconds(int64_t unix_seconds);

class Time final : public Object {
 public:
  Time(int64_t unix_seconds, int nanoseconds, TimeZonePtr zone)
      : seconds_(ClampSeconds(unix_seconds)),
        nanoseconds_(nanoseconds),
        zone_(std::move(zone)) {}

  static std::shared_ptr<const Time> Now(TimeZonePtr zone);
  // Go's zero Time: January 1 of the year 1, UTC.
  static std::shared_ptr<const Time> Zero();

  int64_t seconds() const { return seconds_; }
  int nanoseconds() const { return nanoseconds_; }
  const TimeZonePtr& zone() const { return zone_; }

  std::shared_ptr<const Time> In(TimeZonePtr zone) const;
  std::shared_ptr<const Time> Add(std::chrono::nanoseconds duration) const;

  // As the layout "Mon Jan 2 15:04:05 MST 2006" is written.
  std::string Format(std::string_view layout) const;

  std::string TypeName() const override { return "time.Time"; }
  std::string KindName() const override { return "struct"; }
  std::string Print() const override;
  // Unix, Format "layout", Year, Add and the like.
  Result<Value> Member(const std::string& name,
                       const std::vector<Value>& arguments) const override;
  bool Equals(const Object& other) const override;
  Value Json() const override;  // as RFC 3339 has it

 private:
  Result<Value> Number(const std::string& name) const;

  int64_t seconds_;
  int nanoseconds_;
  TimeZonePtr zone_;
};
using TimePtr = std::shared_ptr<const Time>;

// The time in `value`, if it holds one.
TimePtr AsTime(const Value& value);

// time.ParseInLocation: nothing where `text` is not of `layout`. What the
// layout leaves out is that of the year 1; a time without a zone is `zone`'s.
TimePtr ParseTime(std::string_view layout, std::string_view text,
                  const TimeZonePtr& zone);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_GO_TIME_H_
