// One field of a schedule: "*/5", "9-17", "Mon-Fri", "20,30,40".

#ifndef STRAKE_TASKS_TRIGGER_CRON_FIELD_H_
#define STRAKE_TASKS_TRIGGER_CRON_FIELD_H_

#include <cstdint>
#include <string_view>

#include "util/result.h"

namespace strake::tasks::trigger {

enum class CronFieldKind { kMinute, kHour, kDayOfMonth, kMonth, kDayOfWeek };

// The values that `text` allows, bit n for the value n: minutes 0-59, hours
// 0-23, days 1-31, months 1-12, days of the week 0-6 with Sunday 0.
// `kInvalidArgument` names the field and what is wrong; for what other crons
// know (? L W #, a 7 for Sunday) it says what to write instead.
Result<uint64_t> ParseCronField(CronFieldKind kind, std::string_view text);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_CRON_FIELD_H_
