// Time zones: the system's zone files (RFC 8536).

#ifndef STRAKE_TASKS_GOTMPL_TIME_ZONE_H_
#define STRAKE_TASKS_GOTMPL_TIME_ZONE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace strake::tasks::gotmpl {

// What holds in a zone at some time.
struct ZoneOffset {
  int seconds = 0;   // east of UTC
  std::string name;  // "CET"; may be empty
};

// Immutable.
class TimeZone {
 public:
  virtual ~TimeZone() = default;
  virtual ZoneOffset At(int64_t unix_seconds) const = 0;
  // The offset that the zone calls `name`, if it ever does.
  virtual std::optional<int> OffsetOf(std::string_view name) const = 0;
};
using TimeZonePtr = std::shared_ptr<const TimeZone>;

TimeZonePtr UtcZone();
TimeZonePtr FixedZone(int seconds, std::string name);
// A zone by its name, such as "Europe/Berlin"; nothing where the system has
// none of that name.
std::optional<TimeZonePtr> LoadZone(std::string_view name);
// The zone that a process with this TZ (nothing: unset) is in.
TimeZonePtr LocalZone(const std::optional<std::string>& tz);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_TIME_ZONE_H_
