#include "tasks/trigger/cron.h"

#include <algorithm>
#include <array>
#include <utility>

#include "tasks/gotmpl/civil.h"
#include "tasks/trigger/cron_field.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

constexpr int64_t kSecondsOfDay = 86400;

bool Has(uint64_t bits, int value) { return ((bits >> value) & 1) != 0; }

std::vector<std::string> Fields(std::string_view text) {
  std::vector<std::string> fields;
  std::string one_kind(text);
  std::replace(one_kind.begin(), one_kind.end(), '\t', ' ');
  for (std::string_view piece : Split(one_kind, ' ')) {
    if (!piece.empty()) fields.emplace_back(piece);
  }
  return fields;
}

Error NoMacros(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7>
      kMacros = {{{"@yearly", "0 0 1 1 *"},
                  {"@annually", "0 0 1 1 *"},
                  {"@monthly", "0 0 1 * *"},
                  {"@weekly", "0 0 * * 0"},
                  {"@daily", "0 0 * * *"},
                  {"@midnight", "0 0 * * *"},
                  {"@hourly", "0 * * * *"}}};
  std::string message = "names with @ are not known";
  for (const auto& macro : kMacros) {
    if (EqualsIgnoreCase(text, macro.first)) {
      return InvalidArgument(message + "; write " + std::string(macro.second));
    }
  }
  return InvalidArgument(message +
                         "; write five fields, such as 0 0 * * * for every "
                         "midnight");
}

Error WrongCount(size_t count) {
  std::string message =
      "it has " + std::to_string(count) +
      " fields; write five: minute, hour, day of month, month, day of week";
  if (count > 5) {
    message += ", without seconds or a year (once a minute is the most)";
  }
  return InvalidArgument(std::move(message));
}

}  // namespace

Result<Cron> Cron::Parse(std::string_view text) {
  auto wrong = [&](const Error& error) {
    return error.Wrap("schedule " + GoQuote(text.substr(0, 100)));
  };
  std::string_view trimmed = Trim(text);
  if (trimmed.starts_with('@')) return wrong(NoMacros(trimmed));
  std::vector<std::string> fields = Fields(trimmed);
  if (fields.size() != 5) return wrong(WrongCount(fields.size()));
  Cron cron;
  const std::array<uint64_t*, 5> values = {&cron.minutes_, &cron.hours_,
                                           &cron.days_, &cron.months_,
                                           &cron.weekdays_};
  for (size_t i = 0; i < values.size(); ++i) {
    auto parsed = ParseCronField(static_cast<CronFieldKind>(i), fields[i]);
    if (!parsed) return wrong(parsed.error());
    *values[i] = *parsed;
  }
  if (!cron.HasPossibleDate()) {
    return wrong(InvalidArgument(
        "no month of the month field has such a day; it would never run"));
  }
  cron.text_ = Join(fields, " ");
  return cron;
}

// Every date comes on every day of the week, within 400 years, even February
// 29: so the two middle fields decide.
bool Cron::HasPossibleDate() const {
  constexpr int64_t kLeapYear = 2000;
  for (int month = 1; month <= 12; ++month) {
    if (!Has(months_, month)) continue;
    for (int day = gotmpl::DaysInMonth(kLeapYear, month); day >= 1; --day) {
      if (Has(days_, day)) return true;
    }
  }
  return false;
}

int Cron::NextMinuteOfDay(int from) const {
  for (int hour = from / 60; hour < 24; ++hour) {
    if (!Has(hours_, hour)) continue;
    int first = hour == from / 60 ? from % 60 : 0;
    uint64_t rest = minutes_ >> first;
    if (rest != 0) return hour * 60 + first + __builtin_ctzll(rest);
  }
  return -1;
}

LocalSeconds Cron::NextLocal(LocalSeconds from) const {
  int64_t day = gotmpl::FloorDivide(from, kSecondsOfDay);
  auto minute = static_cast<int>(gotmpl::FloorModulo(from, kSecondsOfDay) / 60);
  while (true) {
    gotmpl::CivilDate date = gotmpl::CivilFromDays(day);
    if (!Has(months_, date.month)) {
      day = gotmpl::DaysFromCivil(date.year, date.month + 1, 1);
      minute = 0;
      continue;
    }
    if (Has(days_, date.day) && Has(weekdays_, gotmpl::WeekDay(day))) {
      int next = NextMinuteOfDay(minute);
      if (next >= 0) return day * kSecondsOfDay + int64_t{next} * 60;
    }
    ++day;
    minute = 0;
  }
}

sys_seconds Cron::Next(sys_seconds after, const gotmpl::TimeZone& zone) const {
  int64_t now = after.time_since_epoch().count();
  LocalSeconds local = ToLocal(now, zone);
  local -= gotmpl::FloorModulo(local, 60);
  // In an hour that comes again, times to come have been already.
  while (true) {
    local = NextLocal(local);
    int64_t moment = FirstMomentOf(local, zone);
    if (moment > now) return sys_seconds(seconds(moment));
    local += 60;
  }
}

std::vector<sys_seconds> Cron::Between(sys_seconds after, sys_seconds until,
                                       const gotmpl::TimeZone& zone,
                                       size_t limit) const {
  std::vector<sys_seconds> due;
  while (due.size() < limit) {
    after = Next(after, zone);
    if (after > until) break;
    due.push_back(after);
  }
  return due;
}

std::optional<sys_seconds> Cron::Last(sys_seconds after, sys_seconds until,
                                      const gotmpl::TimeZone& zone) const {
  seconds back(60);
  while (until > after) {
    sys_seconds from = std::max(after, until - back);
    sys_seconds found = Next(from, zone);
    if (found <= until) {
      // Few more: half the way back there was none.
      for (sys_seconds more = Next(found, zone); more <= until;
           more = Next(more, zone)) {
        found = more;
      }
      return found;
    }
    if (from == after) break;
    back *= 2;
  }
  return std::nullopt;
}

bool Cron::SameTimes(const Cron& other) const {
  return minutes_ == other.minutes_ && hours_ == other.hours_ &&
         days_ == other.days_ && months_ == other.months_ &&
         weekdays_ == other.weekdays_;
}

}  // namespace strake::tasks::trigger
