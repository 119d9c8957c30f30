#include "tasks/gotmpl/zone_rule.h"

#include <algorithm>

#include "tasks/gotmpl/civil.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

constexpr int64_t kDay = 86400;

std::optional<std::string> TakeName(std::string_view& rest) {
  size_t length = 0;
  if (rest.starts_with('<')) {
    size_t close = rest.find('>');
    if (close == std::string_view::npos) return std::nullopt;
    std::string name(rest.substr(1, close - 1));
    rest.remove_prefix(close + 1);
    return name;
  }
  constexpr std::string_view kEnds = "0123456789,+-";
  length = std::min(rest.find_first_of(kEnds), rest.size());
  if (length < 3) return std::nullopt;
  std::string name(rest.substr(0, length));
  rest.remove_prefix(length);
  return name;
}

std::optional<int> TakeNumber(std::string_view& rest) {
  size_t length = std::min(rest.find_first_not_of("0123456789"), rest.size());
  auto number = ParseUint(rest.substr(0, length));
  if (!number || *number > 1000) return std::nullopt;
  rest.remove_prefix(length);
  return static_cast<int>(*number);
}

bool Take(std::string_view& rest, char c) {
  if (!rest.starts_with(c)) return false;
  rest.remove_prefix(1);
  return true;
}

// [+-]hh[:mm[:ss]] in seconds.
std::optional<int> TakeTime(std::string_view& rest) {
  bool negative = Take(rest, '-');
  if (!negative) Take(rest, '+');
  int seconds = 0;
  for (int unit : {3600, 60, 1}) {
    auto number = TakeNumber(rest);
    if (!number) return std::nullopt;
    seconds += *number * unit;
    if (!Take(rest, ':')) break;
  }
  return negative ? -seconds : seconds;
}

}  // namespace

std::optional<ZoneRule::Change> ZoneRule::TakeChange(std::string_view& rest) {
  Change change;
  if (Take(rest, 'M')) {
    auto month = TakeNumber(rest);
    if (!month || !Take(rest, '.')) return std::nullopt;
    auto week = TakeNumber(rest);
    if (!week || !Take(rest, '.')) return std::nullopt;
    auto day = TakeNumber(rest);
    if (!day || *month < 1 || *month > 12 || *week < 1 || *week > 5 ||
        *day > 6) {
      return std::nullopt;
    }
    change.month = *month;
    change.week = *week;
    change.day = *day;
  } else {
    change.kind =
        Take(rest, 'J') ? Change::Kind::kJulianDay : Change::Kind::kDayOfYear;
    auto day = TakeNumber(rest);
    if (!day) return std::nullopt;
    change.day = *day;
  }
  if (Take(rest, '/')) {
    auto seconds = TakeTime(rest);
    if (!seconds) return std::nullopt;
    change.seconds = *seconds;
  }
  return change;
}

int64_t ZoneRule::When(const Change& change, int64_t year) {
  int64_t days = DaysFromCivil(year, 1, 1);
  switch (change.kind) {
    case Change::Kind::kDayOfYear:
      days += change.day;
      break;
    case Change::Kind::kJulianDay:
      // February 29 is never counted.
      days += change.day - 1;
      if (IsLeapYear(year) && change.day >= 60) ++days;
      break;
    case Change::Kind::kWeekDay: {
      int64_t first = DaysFromCivil(year, change.month, 1);
      int64_t skip = FloorModulo(change.day - WeekDay(first), 7);
      days = first + skip + (change.week - 1) * 7;
      // Week 5 is the last one.
      if (days - first >= DaysInMonth(year, change.month)) days -= 7;
      break;
    }
  }
  return days * kDay + change.seconds;
}

std::optional<ZoneRule> ZoneRule::Parse(std::string_view text) {
  ZoneRule rule;
  auto name = TakeName(text);
  auto west = TakeTime(text);
  if (!name || !west) return std::nullopt;
  rule.standard_ = {-*west, *std::move(name)};
  if (text.empty()) return rule;
  auto summer = TakeName(text);
  if (!summer) return std::nullopt;
  rule.summer_ = {rule.standard_.seconds + 3600, *std::move(summer)};
  if (!text.empty() && text[0] != ',') {
    auto summer_west = TakeTime(text);
    if (!summer_west) return std::nullopt;
    rule.summer_->seconds = -*summer_west;
  }
  if (!Take(text, ',')) return std::nullopt;
  auto begin = TakeChange(text);
  if (!begin || !Take(text, ',')) return std::nullopt;
  auto end = TakeChange(text);
  if (!end) return std::nullopt;
  rule.begin_ = *begin;
  rule.end_ = *end;
  return rule;
}

ZoneOffset ZoneRule::At(int64_t unix_seconds) const {
  if (!summer_) return standard_;
  int64_t local_days = FloorDivide(unix_seconds + standard_.seconds, kDay);
  int64_t year = CivilFromDays(local_days).year;
  int64_t begin = When(begin_, year) - standard_.seconds;
  int64_t end = When(end_, year) - summer_->seconds;
  // South of the equator summer spans the new year.
  bool summer = begin < end ? unix_seconds >= begin && unix_seconds < end
                            : unix_seconds >= begin || unix_seconds < end;
  return summer ? *summer_ : standard_;
}

}  // namespace strake::tasks::gotmpl
