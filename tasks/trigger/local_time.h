// From what a wall clock shows to the moment it does.

#ifndef STRAKE_TASKS_TRIGGER_LOCAL_TIME_H_
#define STRAKE_TASKS_TRIGGER_LOCAL_TIME_H_

#include <cstdint>
#include <string_view>

#include "tasks/gotmpl/time_zone.h"
#include "util/result.h"

namespace strake::tasks::trigger {

// Seconds since 1970 as a wall clock in the zone counts them.
using LocalSeconds = int64_t;

// A zone by its IANA name, "Europe/Berlin", from the system's tzdata; empty or
// "UTC" is UTC. `kInvalidArgument` where the system has none of that name.
// Safe to call from any thread; a zone is immutable.
Result<gotmpl::TimeZonePtr> FindTimeZone(std::string_view name);

LocalSeconds ToLocal(int64_t unix_seconds, const gotmpl::TimeZone& zone);

// The first moment at which a wall clock in `zone` shows `local` or later: of
// a time that comes twice the first, of one that is skipped the moment at
// which the clock is set forward.
int64_t FirstMomentOf(LocalSeconds local, const gotmpl::TimeZone& zone);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_LOCAL_TIME_H_
