// "Local" is the zone of TZ as `env` sees it, else the machine's.

#include <chrono>

#include "tasks/gotmpl/civil.h"
#include "tasks/gotmpl/duration.h"
#include "tasks/gotmpl/go_time.h"
#include "tasks/gotmpl/sprig.h"

namespace strake::tasks::gotmpl {
namespace {

TimeZonePtr Local(const Context& context) {
  if (!context.environment) return LocalZone(std::nullopt);
  return LocalZone(context.environment("TZ"));
}

// A time, or a number of seconds since 1970; now for anything else.
TimePtr TimeOf(const Context& context, const Value& value) {
  if (TimePtr time = AsTime(value)) return time;
  if (value.integer()) {
    return std::make_shared<Time>(value.Int(), 0, Local(context));
  }
  return Time::Now(Local(context));
}

std::string FormatIn(const Context& context, const std::string& layout,
                     const Value& date, const std::string& zone) {
  TimePtr time = TimeOf(context, date);
  if (zone == "Local") return time->In(Local(context))->Format(layout);
  return time->In(LoadZone(zone).value_or(UtcZone()))->Format(layout);
}

Result<TimePtr> ExpectTime(const Value& value) {
  if (TimePtr time = AsTime(value)) return time;
  return InvalidArgument("wrong type for value; expected time.Time; got " +
                         TypeName(value));
}

Result<Value> Modify(const std::string& duration, const Value& date) {
  auto time = ExpectTime(date);
  if (!time) return std::move(time).error();
  auto parsed = ParseDuration(duration);
  if (!parsed) return date;
  return Value(ObjectPtr((*time)->Add(*parsed)));
}

std::string Ago(Context& context, const Value& date) {
  TimePtr now = Time::Now(Local(context));
  TimePtr then = date.nil() ? now : TimeOf(context, date);
  int64_t seconds = now->seconds() - then->seconds();
  int64_t rest = now->nanoseconds() - then->nanoseconds();
  if (rest >= 500'000'000) ++seconds;
  if (rest <= -500'000'000) --seconds;
  // Go's durations end at 292 years, on no whole second.
  constexpr int64_t kMost = INT64_MAX / 1'000'000'000;
  if (seconds > kMost) return DurationText(std::chrono::nanoseconds::max());
  if (seconds < -kMost) return DurationText(std::chrono::nanoseconds::min());
  return DurationText(std::chrono::seconds(seconds));
}

Value ToDate(Context& context, const std::string& layout,
             const std::string& text) {
  TimePtr time = ParseTime(layout, text, Local(context));
  return ObjectPtr(time == nullptr ? Time::Zero() : time);
}

}  // namespace

void AddSprigDates(Functions& functions) {
  AddFunction(functions, "now", [](Context& context) {
    return ObjectPtr(Time::Now(Local(context)));
  });
  AddFunction(functions, "date",
              [](Context& context, std::string layout, Value date) {
                return FormatIn(context, layout, date, "Local");
              });
  AddFunction(functions, "htmlDate", [](Context& context, Value date) {
    return FormatIn(context, "2006-01-02", date, "Local");
  });
  AddFunction(functions, "htmlDateInZone",
              [](Context& context, Value date, std::string zone) {
                return FormatIn(context, "2006-01-02", date, zone);
              });
  for (const char* name : {"dateInZone", "date_in_zone"}) {
    AddFunction(
        functions, name,
        [](Context& context, std::string layout, Value date, std::string zone) {
          return FormatIn(context, layout, date, zone);
        });
  }
  AddFunction(functions, "dateModify", Modify);
  AddFunction(functions, "date_modify", Modify);
  AddFunction(functions, "ago", Ago);
  AddFunction(functions, "toDate", ToDate);
  AddFunction(functions, "unixEpoch", [](Value date) -> Result<std::string> {
    auto time = ExpectTime(date);
    if (!time) return std::move(time).error();
    return std::to_string((*time)->seconds());
  });
}

}  // namespace strake::tasks::gotmpl
