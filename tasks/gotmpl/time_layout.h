// The parts of a layout of Go's package time ("Mon Jan 2 15:04:05 MST 2006").

#ifndef STRAKE_TASKS_GOTMPL_TIME_LAYOUT_H_
#define STRAKE_TASKS_GOTMPL_TIME_LAYOUT_H_

#include <array>
#include <string_view>
#include <vector>

namespace strake::tasks::gotmpl {

enum class LayoutField {
  kLiteral,
  kLongMonth,      // January
  kShortMonth,     // Jan
  kMonth,          // 1
  kZeroMonth,      // 01
  kLongWeekDay,    // Monday
  kShortWeekDay,   // Mon
  kDay,            // 2
  kBlankDay,       // _2
  kZeroDay,        // 02
  kBlankYearDay,   // __2
  kZeroYearDay,    // 002
  kHour,           // 15
  kHour12,         // 3
  kZeroHour12,     // 03
  kMinute,         // 4
  kZeroMinute,     // 04
  kSecond,         // 5
  kZeroSecond,     // 05
  kLongYear,       // 2006
  kYear,           // 06
  kUpperHalf,      // PM
  kLowerHalf,      // pm
  kZoneName,       // MST
  kZone,           // -0700 and the like
  kZuluZone,       // Z0700 and the like: "Z" for UTC
  kZeroFraction,   // .000
  kShortFraction,  // .999
};

struct LayoutPart {
  LayoutField field = LayoutField::kLiteral;
  std::string_view text;  // as written; borrowed from the layout
};

// All of `layout`; literals that touch are one part.
std::vector<LayoutPart> ParseLayout(std::string_view layout);

inline constexpr std::array<std::string_view, 12> kMonthNames = {
    "January", "February", "March",     "April",   "May",      "June",
    "July",    "August",   "September", "October", "November", "December"};
inline constexpr std::array<std::string_view, 7> kWeekDayNames = {
    "Sunday",   "Monday", "Tuesday", "Wednesday",
    "Thursday", "Friday", "Saturday"};

// How a zone of kZone or kZuluZone is written.
struct ZoneStyle {
  bool colons = false;
  bool minutes = true;
  bool seconds = false;
};
ZoneStyle StyleOf(std::string_view written);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_TIME_LAYOUT_H_
