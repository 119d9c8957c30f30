// Days and dates of the proleptic Gregorian calendar, for any year.

#ifndef STRAKE_TASKS_GOTMPL_CIVIL_H_
#define STRAKE_TASKS_GOTMPL_CIVIL_H_

#include <cstdint>

namespace strake::tasks::gotmpl {

struct CivilDate {
  int64_t year = 1970;
  int month = 1;  // from 1
  int day = 1;    // from 1
};

// Days since 1970-01-01. `month` may be out of range; the year follows.
int64_t DaysFromCivil(int64_t year, int64_t month, int64_t day);
CivilDate CivilFromDays(int64_t days);
// 0 is Sunday.
int WeekDay(int64_t days);
bool IsLeapYear(int64_t year);
int DaysInMonth(int64_t year, int month);

// Rounded down, with the remainder never negative. REQUIRES: divisor > 0
int64_t FloorDivide(int64_t number, int64_t divisor);
int64_t FloorModulo(int64_t number, int64_t divisor);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_CIVIL_H_
