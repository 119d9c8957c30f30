// RFC 3339 as Go's time.RFC3339Nano writes it: UTC, no trailing zeros in the
// fraction. Read with any offset.

#include <array>
#include <cstdio>

#include "oci/image_config.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::sys_days;

// Consumes `count` digits.
std::optional<int> TakeNumber(std::string_view& text, size_t count) {
  if (text.size() < count) return std::nullopt;
  int value = 0;
  for (char c : text.substr(0, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return value;
}

bool Take(std::string_view& text, std::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == std::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// "2024-01-31T" or "14:05:59", by separator.
std::optional<std::array<int, 3>> TakeTriple(std::string_view& text,
                                             size_t first_digits,
                                             std::string_view separator) {
  std::array<int, 3> values{};
  for (size_t i = 0; i < 3; ++i) {
    if (i > 0 && !Take(text, separator)) return std::nullopt;
    auto value = TakeNumber(text, i == 0 ? first_digits : 2);
    if (!value) return std::nullopt;
    values[i] = *value;
  }
  return values;
}

// Digits beyond the ninth are dropped.
std::optional<nanoseconds> TakeFraction(std::string_view& text) {
  if (!Take(text, ".,")) return nanoseconds(0);
  int64_t value = 0;
  size_t digits = 0;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; ++digits) {
    if (digits < 9) value = value * 10 + (text[0] - '0');
    text.remove_prefix(1);
  }
  if (digits == 0) return std::nullopt;
  for (; digits < 9; ++digits) value *= 10;
  return nanoseconds(value);
}

std::optional<minutes> TakeOffset(std::string_view& text) {
  if (Take(text, "Zz")) return minutes(0);
  bool west = text.starts_with('-');
  if (!Take(text, "+-")) return std::nullopt;
  auto hour = TakeNumber(text, 2);
  if (!hour || !Take(text, ":")) return std::nullopt;
  auto minute = TakeNumber(text, 2);
  if (!minute || *hour > 23 || *minute > 59) return std::nullopt;
  minutes offset = hours(*hour) + minutes(*minute);
  return west ? -offset : offset;
}

}  // namespace

std::string FormatTimestamp(Timestamp time) {
  auto day = std::chrono::floor<days>(time);
  std::chrono::year_month_day date(day);
  std::chrono::hh_mm_ss clock(time - day);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d",
                static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()),
                static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()),
                static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  std::string result = text;
  if (int64_t fraction = clock.subseconds().count(); fraction != 0) {
    std::snprintf(text, sizeof text, ".%09lld",
                  static_cast<long long>(fraction));
    result += text;
    result.erase(result.find_last_not_of('0') + 1);
  }
  return result + "Z";
}

Result<Timestamp> ParseTimestamp(std::string_view text) {
  auto invalid = [text](std::string_view why) {
    return InvalidArgument('"' + std::string(text) + "\" is not a time " +
                           std::string(why));
  };
  auto malformed = [&] { return invalid("as RFC 3339 writes it"); };
  std::string_view rest = text;
  auto date = TakeTriple(rest, 4, "-");
  if (!date || !Take(rest, "Tt ")) return malformed();
  auto clock = TakeTriple(rest, 2, ":");
  if (!clock) return malformed();
  auto fraction = TakeFraction(rest);
  if (!fraction) return malformed();
  auto offset = TakeOffset(rest);
  if (!offset || !rest.empty()) return malformed();
  std::chrono::year_month_day day{
      std::chrono::year((*date)[0]),
      std::chrono::month(static_cast<unsigned>((*date)[1])),
      std::chrono::day(static_cast<unsigned>((*date)[2]))};
  // 60 is a leap second, which the next minute's first second stands for.
  if (!day.ok() || (*clock)[0] > 23 || (*clock)[1] > 59 || (*clock)[2] > 60) {
    return malformed();
  }
  // 64 bits of nanoseconds reach from 1677 to 2262.
  if ((*date)[0] < 1678 || (*date)[0] > 2261) {
    return invalid("between the years 1678 and 2261");
  }
  seconds whole = sys_days(day).time_since_epoch() + hours((*clock)[0]) +
                  minutes((*clock)[1]) + seconds((*clock)[2]) - *offset;
  return Timestamp(nanoseconds(whole) + *fraction);
}

}  // namespace strake::oci
