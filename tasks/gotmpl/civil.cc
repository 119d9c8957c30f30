#include "tasks/gotmpl/civil.h"

#include <cstddef>

namespace strake::tasks::gotmpl {
namespace {

constexpr int64_t kDaysOf400Years = 146097;

// Days before each month of a year that is no leap year.
constexpr int kDaysBefore[] = {0,   31,  59,  90,  120, 151, 181,
                               212, 243, 273, 304, 334, 365};

// Days from 0000-01-01 to January 1 of `year`, which is 0 to 400.
int64_t DaysBeforeYear(int64_t year) {
  if (year == 0) return 0;
  int64_t last = year - 1;
  // The year 0 is a leap year, too.
  return year * 365 + last / 4 - last / 100 + last / 400 + 1;
}

constexpr int64_t kDaysTo1970 = 719528;  // from 0000-01-01

}  // namespace

int64_t FloorDivide(int64_t number, int64_t divisor) {
  int64_t quotient = number / divisor;
  return number % divisor < 0 ? quotient - 1 : quotient;
}

int64_t FloorModulo(int64_t number, int64_t divisor) {
  int64_t rest = number % divisor;
  return rest < 0 ? rest + divisor : rest;
}

bool IsLeapYear(int64_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

int DaysInMonth(int64_t year, int month) {
  if (month == 2 && IsLeapYear(year)) return 29;
  return kDaysBefore[month] - kDaysBefore[month - 1];
}

int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day) {
  year += FloorDivide(month - 1, 12);
  auto index = static_cast<size_t>(FloorModulo(month - 1, 12));
  int64_t cycle = FloorDivide(year, 400);
  int64_t days = cycle * kDaysOf400Years +
                 DaysBeforeYear(FloorModulo(year, 400)) + kDaysBefore[index];
  if (index >= 2 && IsLeapYear(year)) ++days;
  return days + day - 1 - kDaysTo1970;
}

CivilDate CivilFromDays(int64_t days) {
  days += kDaysTo1970;
  int64_t cycle = FloorDivide(days, kDaysOf400Years);
  int64_t rest = FloorModulo(days, kDaysOf400Years);
  int64_t year = rest / 366;
  while (DaysBeforeYear(year + 1) <= rest) ++year;
  rest -= DaysBeforeYear(year);
  CivilDate date;
  date.year = cycle * 400 + year;
  date.month = 1;
  while (rest >= DaysInMonth(date.year, date.month)) {
    rest -= DaysInMonth(date.year, date.month);
    ++date.month;
  }
  date.day = static_cast<int>(rest) + 1;
  return date;
}

int WeekDay(int64_t days) { return static_cast<int>(FloorModulo(days + 4, 7)); }

}  // namespace strake::tasks::gotmpl
