#include "tasks/trigger/cron_field.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

struct FieldRules {
  std::string_view name;
  int lowest = 0;
  int highest = 0;
  std::string_view names;  // three letters each, from `lowest` on
};

constexpr std::array<FieldRules, 5> kFields = {{
    {"minute", 0, 59, ""},
    {"hour", 0, 23, ""},
    {"day of month", 1, 31, ""},
    {"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"},
    {"day of week", 0, 6, "sunmontuewedthufrisat"},
}};

std::string Quoted(std::string_view text) {
  return GoQuote(text.substr(0, 64));
}

class FieldParser {
 public:
  explicit FieldParser(CronFieldKind kind)
      : kind_(kind), rules_(kFields[static_cast<size_t>(kind)]) {}

  Result<uint64_t> Parse(std::string_view text) const {
    uint64_t values = 0;
    for (std::string_view part : Split(text, ',')) {
      ASSIGN_OR_RETURN(const uint64_t more, ParsePart(part));
      values |= more;
    }
    return values;
  }

 private:
  Error Wrong(std::string_view part, const std::string& what) const {
    return InvalidArgument("the " + std::string(rules_.name) + " " +
                           Quoted(part) + ": " + what);
  }

  // "*", "n", "a-b", and the first and last of these with "/step".
  Result<uint64_t> ParsePart(std::string_view part) const {
    if (part.empty()) {
      return Wrong(part, "nothing stands where a value is due; write " +
                             Range() + " or *");
    }
    std::string_view values = part;
    int step = 1;
    auto divided = SplitOnce(part, '/');
    if (divided) {
      values = divided->first;
      ASSIGN_OR_RETURN(step, ParseStep(part, divided->second));
    }
    if (values == "*") return Bits(rules_.lowest, rules_.highest, step);
    auto ends = SplitOnce(values, '-');
    ASSIGN_OR_RETURN(const int first,
                     ParseValue(part, ends ? ends->first : values));
    if (!ends && divided) {
      return Wrong(part, "a step needs a range before it; write " +
                             std::to_string(first) + "-" +
                             std::to_string(rules_.highest) + "/" +
                             std::string(divided->second));
    }
    if (!ends) return Bits(first, first, 1);
    ASSIGN_OR_RETURN(const int last, ParseValue(part, ends->second));
    if (first > last) {
      return Wrong(
          part,
          "the range runs backwards; write the two parts as "
          "a list, " +
              std::to_string(first) + "-" + std::to_string(rules_.highest) +
              "," + std::to_string(rules_.lowest) + "-" + std::to_string(last));
    }
    return Bits(first, last, step);
  }

  Result<int> ParseStep(std::string_view part, std::string_view text) const {
    auto step = ParseUint(text);
    auto count = static_cast<uint64_t>(rules_.highest - rules_.lowest + 1);
    if (step && *step >= 1 && *step < count) return static_cast<int>(*step);
    return Wrong(part, "the step " + Quoted(text) + " is not 1 to " +
                           std::to_string(count - 1) +
                           "; a step starts anew with each " +
                           (kind_ == CronFieldKind::kMinute ? "hour"
                            : kind_ == CronFieldKind::kHour ? "day"
                                                            : "round") +
                           ", so write the single values instead");
  }

  Result<int> ParseValue(std::string_view part, std::string_view text) const {
    if (auto named = FindName(text)) return *named;
    auto number = ParseUint(text);
    if (!number) return NoValue(part, text);
    auto lowest = static_cast<uint64_t>(rules_.lowest);
    auto highest = static_cast<uint64_t>(rules_.highest);
    if (kind_ == CronFieldKind::kDayOfWeek && *number == 7) {
      return Wrong(part, "Sunday is 0 (or Sun), not 7");
    }
    if (*number < lowest || *number > highest) {
      return Wrong(part, Quoted(text) + " is not within " + Range());
    }
    return static_cast<int>(*number);
  }

  std::optional<int> FindName(std::string_view text) const {
    if (text.size() != 3) return std::nullopt;
    std::string lower = ToLower(text);
    for (size_t at = 0; at < rules_.names.size(); at += 3) {
      if (rules_.names.substr(at, 3) == lower) {
        return rules_.lowest + static_cast<int>(at / 3);
      }
    }
    return std::nullopt;
  }

  // What people write out of habit with other crons is told apart.
  Error NoValue(std::string_view part, std::string_view text) const {
    if (text == "?") return Wrong(part, "write * in place of ?");
    if (text.find('#') != std::string_view::npos) {
      return Wrong(part,
                   "# is not known; both day fields must match, so the second "
                   "Monday of a month is 8-14 as day of month with Mon as day "
                   "of week");
    }
    bool word = text.size() > 2 &&
                text.find_first_of("0123456789") == std::string_view::npos;
    if (!word && (text.ends_with('W') || text.ends_with('w'))) {
      return Wrong(part,
                   "W is not known; write the days of the week, Mon-Fri, "
                   "and the days of the month that may be meant");
    }
    if (!word && (text.ends_with('L') || text.ends_with('l'))) {
      return Wrong(part,
                   "L is not known; use a schedule for each length of month: "
                   "31 in Jan,Mar,May,Jul,Aug,Oct,Dec, 30 in Apr,Jun,Sep,Nov "
                   "and 28 in Feb");
    }
    return Wrong(part, Quoted(text) + " is no value; write " + Range());
  }

  std::string Range() const {
    std::string range =
        std::to_string(rules_.lowest) + "-" + std::to_string(rules_.highest);
    if (kind_ == CronFieldKind::kMonth) range += " or Jan-Dec";
    if (kind_ == CronFieldKind::kDayOfWeek) range += " or Sun-Sat";
    return range;
  }

  static uint64_t Bits(int first, int last, int step) {
    uint64_t bits = 0;
    for (int value = first; value <= last; value += step) {
      bits |= uint64_t{1} << value;
    }
    return bits;
  }

  CronFieldKind kind_;
  const FieldRules& rules_;
};

}  // namespace

Result<uint64_t> ParseCronField(CronFieldKind kind, std::string_view text) {
  return FieldParser(kind).Parse(text);
}

}  // namespace strake::tasks::trigger
