#include "tasks/trigger/local_time.h"

#include <algorithm>
#include <string>

#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

// More than any zone is away from UTC, and less than two changes of a clock
// are from each other.
constexpr int64_t kReachSeconds = int64_t{26} * 3600;

// The change of offset in (`before`, `after`]. REQUIRES: there is just one.
int64_t FindChange(int64_t before, int64_t after,
                   const gotmpl::TimeZone& zone) {
  int offset = zone.At(before).seconds;
  while (after - before > 1) {
    int64_t middle = before + (after - before) / 2;
    (zone.At(middle).seconds == offset ? before : after) = middle;
  }
  return after;
}

bool IsZoneName(std::string_view name) {
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '+' ||
           c == '-';
  });
}

}  // namespace

Result<gotmpl::TimeZonePtr> FindTimeZone(std::string_view name) {
  if (IsZoneName(name)) {
    if (auto zone = gotmpl::LoadZone(name)) return *zone;
  }
  return InvalidArgument(
      "the time zone " + GoQuote(name.substr(0, 64)) +
      " is not known here; write a name like Europe/Berlin, of those below "
      "/usr/share/zoneinfo (package tzdata), or UTC");
}

LocalSeconds ToLocal(int64_t unix_seconds, const gotmpl::TimeZone& zone) {
  return unix_seconds + zone.At(unix_seconds).seconds;
}

int64_t FirstMomentOf(LocalSeconds local, const gotmpl::TimeZone& zone) {
  int64_t offset_before = zone.At(local - kReachSeconds).seconds;
  int64_t offset_after = zone.At(local + kReachSeconds).seconds;
  if (offset_before == offset_after) return local - offset_before;
  int64_t change =
      FindChange(local - kReachSeconds, local + kReachSeconds, zone);
  if (local - offset_before < change) return local - offset_before;
  return std::max(change, local - offset_after);
}

}  // namespace strake::tasks::trigger
