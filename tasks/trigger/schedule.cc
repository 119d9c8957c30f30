#include "tasks/trigger/schedule.h"

#include <algorithm>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

Result<Schedule> ParseSchedule(std::string_view text, size_t position) {
  std::string name = "t" + std::to_string(position);
  std::string_view cron_text = text;
  if (auto parts = SplitOnce(text, ':')) {
    name = std::string(Trim(parts->first));
    cron_text = parts->second;
    RETURN_IF_ERROR(CheckTimerName(name));
  }
  ASSIGN_OR_RETURN(Cron cron, Cron::Parse(cron_text));
  return Schedule{std::move(name), std::move(cron)};
}

Status CheckDiffers(const Schedule& schedule,
                    const std::vector<Schedule>& others) {
  for (const Schedule& other : others) {
    if (other.name == schedule.name) {
      return InvalidArgument("two timers are called \"" + schedule.name +
                             "\"; write name:schedule with another name");
    }
    if (other.cron.SameTimes(schedule.cron)) {
      return InvalidArgument("the timers \"" + other.name + "\" and \"" +
                             schedule.name + "\" have the same times, \"" +
                             schedule.cron.text() + "\"; leave one out");
    }
  }
  return {};
}

}  // namespace

Status CheckTimerName(std::string_view name) {
  if (!name.empty() && name.size() <= 64 &&
      std::all_of(name.begin(), name.end(), IsNameCharacter)) {
    return {};
  }
  return InvalidArgument("the timer name " + GoQuote(name.substr(0, 80)) +
                         " is not 1 to 64 letters, digits, \"-\", \"_\" or "
                         "\".\"");
}

Result<std::vector<Schedule>> ParseSchedules(
    const std::vector<std::string>& texts) {
  std::vector<Schedule> schedules;
  for (size_t i = 0; i < texts.size(); ++i) {
    ASSIGN_OR_RETURN(Schedule schedule, ParseSchedule(texts[i], i + 1));
    RETURN_IF_ERROR(CheckDiffers(schedule, schedules));
    schedules.push_back(std::move(schedule));
  }
  return schedules;
}

}  // namespace strake::tasks::trigger
