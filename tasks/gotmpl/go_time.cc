#include "tasks/gotmpl/go_time.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tasks/gotmpl/civil.h"
#include "tasks/gotmpl/time_layout.h"

namespace strake::tasks::gotmpl {
namespace {

constexpr int64_t kDay = 86400;
constexpr int kBillion = 1'000'000'000;
constexpr int64_t kZeroSeconds = -62135596800;  // of the year 1

// A time in its zone, taken apart.
struct Clock {
  CivilDate date;
  int64_t days = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  ZoneOffset zone;

  int YearDay() const {
    return static_cast<int>(days - DaysFromCivil(date.year, 1, 1)) + 1;
  }
};

Clock ClockOf(const Time& time) {
  Clock clock;
  clock.zone = time.zone()->At(time.seconds());
  int64_t local = time.seconds() + clock.zone.seconds;
  clock.days = FloorDivide(local, kDay);
  auto second = static_cast<int>(FloorModulo(local, kDay));
  clock.date = CivilFromDays(clock.days);
  clock.hour = second / 3600;
  clock.minute = second / 60 % 60;
  clock.second = second % 60;
  return clock;
}

// At least `width` digits, filled up with `fill`.
std::string Padded(int64_t number, size_t width, char fill) {
  std::string digits = std::to_string(std::llabs(number));
  if (digits.size() < width) digits.insert(0, width - digits.size(), fill);
  return number < 0 ? "-" + digits : digits;
}

std::string ZoneText(int seconds, ZoneStyle style) {
  std::string text = seconds < 0 ? "-" : "+";
  seconds = std::abs(seconds);
  text += Padded(seconds / 3600, 2, '0');
  std::string colon = style.colons ? ":" : "";
  if (style.minutes) text += colon + Padded(seconds / 60 % 60, 2, '0');
  if (style.seconds) text += colon + Padded(seconds % 60, 2, '0');
  return text;
}

// `written` is ".000" or ",999".
std::string FractionText(int nanoseconds, const LayoutPart& part) {
  std::string digits = Padded(nanoseconds, 9, '0');
  digits.resize(std::min<size_t>(part.text.size() - 1, 9));
  if (part.field == LayoutField::kShortFraction) {
    while (!digits.empty() && digits.back() == '0') digits.pop_back();
    if (digits.empty()) return "";
  }
  return part.text[0] + digits;
}

std::string FieldText(const LayoutPart& part, const Clock& clock,
                      int nanoseconds) {
  int hour12 = clock.hour % 12 == 0 ? 12 : clock.hour % 12;
  std::string_view month =
      kMonthNames[static_cast<size_t>(clock.date.month - 1)];
  std::string_view day =
      kWeekDayNames[static_cast<size_t>(WeekDay(clock.days))];
  switch (part.field) {
    case LayoutField::kLiteral:
      return std::string(part.text);
    case LayoutField::kLongMonth:
      return std::string(month);
    case LayoutField::kShortMonth:
      return std::string(month.substr(0, 3));
    case LayoutField::kMonth:
      return Padded(clock.date.month, 1, '0');
    case LayoutField::kZeroMonth:
      return Padded(clock.date.month, 2, '0');
    case LayoutField::kLongWeekDay:
      return std::string(day);
    case LayoutField::kShortWeekDay:
      return std::string(day.substr(0, 3));
    case LayoutField::kDay:
      return Padded(clock.date.day, 1, '0');
    case LayoutField::kBlankDay:
      return Padded(clock.date.day, 2, ' ');
    case LayoutField::kZeroDay:
      return Padded(clock.date.day, 2, '0');
    case LayoutField::kBlankYearDay:
      return Padded(clock.YearDay(), 3, ' ');
    case LayoutField::kZeroYearDay:
      return Padded(clock.YearDay(), 3, '0');
    case LayoutField::kHour:
      return Padded(clock.hour, 2, '0');
    case LayoutField::kHour12:
      return Padded(hour12, 1, '0');
    case LayoutField::kZeroHour12:
      return Padded(hour12, 2, '0');
    case LayoutField::kMinute:
      return Padded(clock.minute, 1, '0');
    case LayoutField::kZeroMinute:
      return Padded(clock.minute, 2, '0');
    case LayoutField::kSecond:
      return Padded(clock.second, 1, '0');
    case LayoutField::kZeroSecond:
      return Padded(clock.second, 2, '0');
    case LayoutField::kLongYear:
      return Padded(clock.date.year, 4, '0');
    case LayoutField::kYear:
      return Padded(std::llabs(clock.date.year) % 100, 2, '0');
    case LayoutField::kUpperHalf:
      return clock.hour >= 12 ? "PM" : "AM";
    case LayoutField::kLowerHalf:
      return clock.hour >= 12 ? "pm" : "am";
    case LayoutField::kZoneName:
      if (!clock.zone.name.empty()) return clock.zone.name;
      return ZoneText(clock.zone.seconds, {});
    case LayoutField::kZone:
      return ZoneText(clock.zone.seconds, StyleOf(part.text));
    case LayoutField::kZuluZone:
      if (clock.zone.seconds == 0) return "Z";
      return ZoneText(clock.zone.seconds, StyleOf(part.text));
    case LayoutField::kZeroFraction:
    case LayoutField::kShortFraction:
      return FractionText(nanoseconds, part);
  }
  return "";
}

}  // namespace

int64_t ClampSeconds(int64_t unix_seconds) {
  constexpr int64_t kMost = int64_t{1} << 56;
  return std::clamp(unix_seconds, -kMost, kMost);
}

TimePtr Time::Now(TimeZonePtr zone) {
  auto since = std::chrono::system_clock::now().time_since_epoch();
  auto count =
      std::chrono::duration_cast<std::chrono::nanoseconds>(since).count();
  return std::make_shared<Time>(FloorDivide(count, kBillion),
                                static_cast<int>(FloorModulo(count, kBillion)),
                                std::move(zone));
}

TimePtr Time::Zero() {
  return std::make_shared<Time>(kZeroSeconds, 0, UtcZone());
}

TimePtr Time::In(TimeZonePtr zone) const {
  return std::make_shared<Time>(seconds_, nanoseconds_, std::move(zone));
}

TimePtr Time::Add(std::chrono::nanoseconds duration) const {
  int64_t nanoseconds = nanoseconds_ + FloorModulo(duration.count(), kBillion);
  int64_t seconds = seconds_ + FloorDivide(duration.count(), kBillion) +
                    nanoseconds / kBillion;
  return std::make_shared<Time>(
      seconds, static_cast<int>(nanoseconds % kBillion), zone_);
}

std::string Time::Format(std::string_view layout) const {
  Clock clock = ClockOf(*this);
  std::string text;
  for (const LayoutPart& part : ParseLayout(layout)) {
    text += FieldText(part, clock, nanoseconds_);
  }
  return text;
}

std::string Time::Print() const {
  return Format("2006-01-02 15:04:05.999999999 -0700 MST");
}

Value Time::Json() const {
  return Format("2006-01-02T15:04:05.999999999Z07:00");
}

Result<Value> Time::Number(const std::string& name) const {
  Clock clock = ClockOf(*this);
  if (name == "Year") return Value(clock.date.year);
  if (name == "Day") return Value(clock.date.day);
  if (name == "Hour") return Value(clock.hour);
  if (name == "Minute") return Value(clock.minute);
  if (name == "Second") return Value(clock.second);
  if (name == "Nanosecond") return Value(nanoseconds_);
  if (name == "YearDay") return Value(clock.YearDay());
  if (name == "Unix") return Value(Int64{seconds_});
  if (name == "IsZero") return Value(Equals(*Zero()));
  if (name == "String") return Value(Print());
  if (name == "UTC") return Value(ObjectPtr(In(UtcZone())));
  return InvalidArgument("can't evaluate field " + name +
                         " in type time.Time; there are Format, Year, Day, "
                         "Hour, Minute, Second, Nanosecond, YearDay, Unix, "
                         "IsZero, String, UTC, Before, After, Equal and "
                         "AddDate");
}

Result<Value> Time::Member(const std::string& name,
                           const std::vector<Value>& arguments) const {
  auto expect = [&](size_t count) -> Error {
    return InvalidArgument("wrong number of args for " + name + ": want " +
                           std::to_string(count) + " got " +
                           std::to_string(arguments.size()));
  };
  if (name == "Format") {
    if (arguments.size() != 1) return expect(1);
    if (arguments[0].kind() != Kind::kString) {
      return InvalidArgument("wrong type for value; expected string; got " +
                             gotmpl::TypeName(arguments[0]));
    }
    return Value(Format(arguments[0].String()));
  }
  if (name == "Before" || name == "After" || name == "Equal") {
    if (arguments.size() != 1) return expect(1);
    TimePtr other = AsTime(arguments[0]);
    if (other == nullptr) {
      return InvalidArgument("wrong type for value; expected time.Time; got " +
                             gotmpl::TypeName(arguments[0]));
    }
    auto order = std::pair(seconds_, nanoseconds_) <=>
                 std::pair(other->seconds_, other->nanoseconds_);
    if (name == "Equal") return Value(order == 0);
    return Value(name == "Before" ? order < 0 : order > 0);
  }
  if (name == "AddDate") {
    if (arguments.size() != 3) return expect(3);
    for (const Value& argument : arguments) {
      if (argument.kind() != Kind::kInt ||
          std::llabs(argument.Int()) > 1000000) {
        return InvalidArgument("AddDate takes years, months and days");
      }
    }
    Clock clock = ClockOf(*this);
    int64_t days = DaysFromCivil(clock.date.year + arguments[0].Int(),
                                 clock.date.month + arguments[1].Int(),
                                 clock.date.day + arguments[2].Int());
    int64_t moved = (days - clock.days) * kDay;
    return Value(ObjectPtr(
        std::make_shared<Time>(seconds_ + moved, nanoseconds_, zone_)));
  }
  if (!arguments.empty()) return expect(0);
  return Number(name);
}

bool Time::Equals(const Object& other) const {
  const auto* time = dynamic_cast<const Time*>(&other);
  return time != nullptr && time->seconds_ == seconds_ &&
         time->nanoseconds_ == nanoseconds_;
}

TimePtr AsTime(const Value& value) {
  if (value.kind() != Kind::kObject) return nullptr;
  return std::dynamic_pointer_cast<const Time>(value.object_ptr());
}

}  // namespace strake::tasks::gotmpl
