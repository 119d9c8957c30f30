#include <algorithm>
#include <cstdlib>
#include <optional>
#include <string>

#include "tasks/gotmpl/civil.h"
#include "tasks/gotmpl/go_time.h"
#include "tasks/gotmpl/time_layout.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

bool Digit(char c) { return c >= '0' && c <= '9'; }

class TimeParser {
 public:
  TimeParser(std::string_view text, TimeZonePtr zone)
      : rest_(text), zone_(std::move(zone)) {}

  TimePtr Run(std::string_view layout) {
    std::vector<LayoutPart> parts = ParseLayout(layout);
    for (size_t i = 0; i < parts.size(); ++i) {
      const LayoutPart* next = i + 1 < parts.size() ? &parts[i + 1] : nullptr;
      if (!Take(parts[i], next)) return nullptr;
    }
    if (!rest_.empty() || !Sound()) return nullptr;
    return Made();
  }

 private:
  // A number of `least` to `most` digits within bounds.
  bool Number(size_t least, size_t most, int64_t low, int64_t high,
              int64_t& number) {
    size_t count = 0;
    while (count < most && count < rest_.size() && Digit(rest_[count])) {
      ++count;
    }
    if (count < least) return false;
    number = static_cast<int64_t>(*ParseUint(rest_.substr(0, count)));
    rest_.remove_prefix(count);
    return number >= low && number <= high;
  }

  template <typename Names>
  bool Name(const Names& names, bool whole, int64_t& index) {
    for (size_t i = 0; i < names.size(); ++i) {
      std::string_view name = whole ? names[i] : names[i].substr(0, 3);
      if (!EqualsIgnoreCase(rest_.substr(0, name.size()), name)) continue;
      rest_.remove_prefix(name.size());
      index = static_cast<int64_t>(i);
      return true;
    }
    return false;
  }

  // A literal; blanks stand for any number of blanks.
  bool Literal(std::string_view literal) {
    while (!literal.empty()) {
      if (literal[0] == ' ') {
        if (!rest_.empty() && rest_[0] != ' ') return false;
        literal = literal.substr(
            std::min(literal.find_first_not_of(' '), literal.size()));
        rest_ =
            rest_.substr(std::min(rest_.find_first_not_of(' '), rest_.size()));
        continue;
      }
      if (rest_.empty() || rest_[0] != literal[0]) return false;
      literal.remove_prefix(1);
      rest_.remove_prefix(1);
    }
    return true;
  }

  bool Take(const LayoutPart& part, const LayoutPart* next) {
    switch (part.field) {
      case LayoutField::kLiteral:
        return Literal(part.text);
      case LayoutField::kLongMonth:
      case LayoutField::kShortMonth:
        if (!Name(kMonthNames, part.field == LayoutField::kLongMonth, month_)) {
          return false;
        }
        ++month_;
        return true;
      case LayoutField::kMonth:
        return Number(1, 2, 1, 12, month_);
      case LayoutField::kZeroMonth:
        return Number(2, 2, 1, 12, month_);
      case LayoutField::kLongWeekDay:
      case LayoutField::kShortWeekDay:
        return Name(kWeekDayNames, part.field == LayoutField::kLongWeekDay,
                    unused_);
      case LayoutField::kBlankDay:
        if (rest_.starts_with(' ')) rest_.remove_prefix(1);
        return Number(1, 2, 1, 31, day_);
      case LayoutField::kDay:
        return Number(1, 2, 1, 31, day_);
      case LayoutField::kZeroDay:
        return Number(2, 2, 1, 31, day_);
      case LayoutField::kBlankYearDay:
        while (rest_.starts_with(' ')) rest_.remove_prefix(1);
        return Number(1, 3, 1, 366, year_day_);
      case LayoutField::kZeroYearDay:
        return Number(3, 3, 1, 366, year_day_);
      case LayoutField::kHour:
        return Number(2, 2, 0, 23, hour_);
      case LayoutField::kHour12:
        return Number(1, 2, 0, 12, hour_);
      case LayoutField::kZeroHour12:
        return Number(2, 2, 0, 12, hour_);
      case LayoutField::kMinute:
        return Number(1, 2, 0, 59, minute_);
      case LayoutField::kZeroMinute:
        return Number(2, 2, 0, 59, minute_);
      case LayoutField::kSecond:
        return Number(1, 2, 0, 59, second_) && ExtraFraction(next);
      case LayoutField::kZeroSecond:
        return Number(2, 2, 0, 59, second_) && ExtraFraction(next);
      case LayoutField::kLongYear:
        return Number(4, 4, 0, 9999, year_);
      case LayoutField::kYear:
        if (!Number(2, 2, 0, 99, year_)) return false;
        year_ += year_ >= 69 ? 1900 : 2000;
        return true;
      case LayoutField::kUpperHalf:
      case LayoutField::kLowerHalf:
        return Half(part.field == LayoutField::kUpperHalf);
      case LayoutField::kZoneName:
        return ZoneName();
      case LayoutField::kZuluZone:
        if (rest_.starts_with('Z')) {
          rest_.remove_prefix(1);
          offset_ = 0;
          utc_ = true;
          return true;
        }
        return ZoneNumber(StyleOf(part.text));
      case LayoutField::kZone:
        return ZoneNumber(StyleOf(part.text));
      case LayoutField::kZeroFraction:
        return Fraction(part.text.size());
      case LayoutField::kShortFraction:
        return OptionalFraction();
    }
    return false;
  }

  bool Half(bool upper) {
    std::string_view half = rest_.substr(0, 2);
    if (half != (upper ? "PM" : "pm") && half != (upper ? "AM" : "am")) {
      return false;
    }
    afternoon_ = half[0] == 'P' || half[0] == 'p';
    rest_.remove_prefix(2);
    return true;
  }

  // ".5" of which `size` bytes must be there.
  bool Fraction(size_t size) {
    if (rest_.size() < size || (rest_[0] != '.' && rest_[0] != ',')) {
      return false;
    }
    std::string digits(rest_.substr(1, size - 1));
    if (!std::all_of(digits.begin(), digits.end(), Digit)) return false;
    rest_.remove_prefix(size);
    digits.resize(9, '0');
    nanoseconds_ = static_cast<int>(*ParseUint(digits));
    return true;
  }

  bool OptionalFraction() {
    bool there = rest_.size() > 1 && (rest_[0] == '.' || rest_[0] == ',') &&
                 Digit(rest_[1]);
    if (!there) return true;
    size_t end = 1;
    while (end < rest_.size() && Digit(rest_[end])) ++end;
    return Fraction(end);
  }

  // Seconds may have a fraction even where the layout has none.
  bool ExtraFraction(const LayoutPart* next) {
    bool own = next != nullptr && (next->field == LayoutField::kZeroFraction ||
                                   next->field == LayoutField::kShortFraction);
    return own || OptionalFraction();
  }

  bool ZoneNumber(ZoneStyle style) {
    if (rest_.empty() || (rest_[0] != '+' && rest_[0] != '-')) return false;
    int64_t sign = rest_[0] == '-' ? -1 : 1;
    rest_.remove_prefix(1);
    int64_t hours = 0;
    int64_t minutes = 0;
    int64_t seconds = 0;
    auto colon = [&] { return !style.colons || Literal(":"); };
    if (!Number(2, 2, 0, 24, hours)) return false;
    if (style.minutes && !(colon() && Number(2, 2, 0, 59, minutes))) {
      return false;
    }
    if (style.seconds && !(colon() && Number(2, 2, 0, 59, seconds))) {
      return false;
    }
    offset_ = sign * (hours * 3600 + minutes * 60 + seconds);
    return true;
  }

  // Three to five capitals, or "GMT+3".
  bool ZoneName() {
    size_t length = 0;
    while (length < rest_.size() && rest_[length] >= 'A' &&
           rest_[length] <= 'Z') {
      ++length;
    }
    if (length < 3 || length > 5) return false;
    zone_name_ = std::string(rest_.substr(0, length));
    rest_.remove_prefix(length);
    if (zone_name_ == "UTC") {
      utc_ = true;
      offset_ = 0;
    }
    return true;
  }

  bool Sound() {
    if (afternoon_ && hour_ < 12) {
      hour_ += *afternoon_ ? 12 : 0;
    } else if (afternoon_ && !*afternoon_ && hour_ == 12) {
      hour_ = 0;
    }
    if (year_day_ > 0) {
      CivilDate date =
          CivilFromDays(DaysFromCivil(year_, 1, 1) + year_day_ - 1);
      if (date.year != year_) return false;
      month_ = date.month;
      day_ = date.day;
    }
    return day_ <= DaysInMonth(year_, static_cast<int>(month_));
  }

  TimePtr Made() const {
    int64_t local = DaysFromCivil(year_, month_, day_) * 86400 + hour_ * 3600 +
                    minute_ * 60 + second_;
    if (utc_) return Make(local, UtcZone());
    if (offset_) return WithOffset(local);
    if (!zone_name_.empty()) return WithName(local);
    return Make(local - LocalOffset(local), zone_);
  }

  TimePtr Make(int64_t seconds, TimeZonePtr zone) const {
    return std::make_shared<Time>(seconds, nanoseconds_, std::move(zone));
  }

  // Local time where that has the same offset then.
  TimePtr WithOffset(int64_t local) const {
    int64_t seconds = local - *offset_;
    ZoneOffset here = zone_->At(seconds);
    bool same = here.seconds == *offset_ &&
                (zone_name_.empty() || here.name == zone_name_);
    if (same) return Make(seconds, zone_);
    return Make(seconds, FixedZone(static_cast<int>(*offset_), zone_name_));
  }

  // A name that the zone does not know is taken for UTC, under that name.
  TimePtr WithName(int64_t local) const {
    if (auto known = zone_->OffsetOf(zone_name_)) {
      return Make(local - *known, zone_);
    }
    return Make(local, FixedZone(0, zone_name_));
  }

  // Near a change of the offset, what holds at the time that the first guess
  // gives.
  int64_t LocalOffset(int64_t local) const {
    int guess = zone_->At(local).seconds;
    return guess == 0 ? 0 : zone_->At(local - guess).seconds;
  }

  std::string_view rest_;
  TimeZonePtr zone_;
  int64_t year_ = 0;
  int64_t month_ = 1;
  int64_t day_ = 1;
  int64_t year_day_ = 0;
  int64_t hour_ = 0;
  int64_t minute_ = 0;
  int64_t second_ = 0;
  int nanoseconds_ = 0;
  int64_t unused_ = 0;
  std::optional<bool> afternoon_;
  std::optional<int64_t> offset_;
  bool utc_ = false;
  std::string zone_name_;
};

}  // namespace

TimePtr ParseTime(std::string_view layout, std::string_view text,
                  const TimeZonePtr& zone) {
  return TimeParser(text, zone).Run(layout);
}

}  // namespace strake::tasks::gotmpl
