#include "dockerfile/go_duration.h"

#include <cstdint>
#include <string>
#include <utility>

#include "util/strings.h"

namespace strake::dockerfile {
namespace {

constexpr uint64_t kMax = uint64_t{1} << 63;

constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
    {"ns", 1},
    {"us", 1000},
    {"\xC2\xB5s", 1000},  // micro sign
    {"\xCE\xBCs", 1000},  // Greek mu
    {"ms", 1000000},
    {"s", 1000000000},
    {"m", uint64_t{60} * 1000000000},
    {"h", uint64_t{3600} * 1000000000},
};

// Takes the characters of `text` that are in `set`.
std::string_view Take(std::string_view& text, std::string_view set) {
  size_t end = std::min(text.find_first_not_of(set), text.size());
  std::string_view taken = text.substr(0, end);
  text.remove_prefix(end);
  return taken;
}

}  // namespace

Result<std::chrono::nanoseconds> ParseGoDuration(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789";
  Error invalid = InvalidArgument("time: invalid duration " + GoQuote(text));
  std::string_view rest = text;
  bool negative = !rest.empty() && rest[0] == '-';
  if (!rest.empty() && (rest[0] == '-' || rest[0] == '+')) {
    rest.remove_prefix(1);
  }
  if (rest == "0") return std::chrono::nanoseconds(0);
  if (rest.empty()) return invalid;
  uint64_t total = 0;
  while (!rest.empty()) {
    std::string_view whole = Take(rest, kDigits), fraction;
    if (!rest.empty() && rest[0] == '.') {
      rest.remove_prefix(1);
      fraction = Take(rest, kDigits);
    }
    if (whole.empty() && fraction.empty()) return invalid;
    size_t unit_end = std::min(rest.find_first_of(".0123456789"), rest.size());
    std::string_view name = rest.substr(0, unit_end);
    rest.remove_prefix(unit_end);
    if (name.empty()) {
      return InvalidArgument("time: missing unit in duration " + GoQuote(text));
    }
    uint64_t unit = 0;
    for (const auto& [unit_name, nanoseconds] : kUnits) {
      if (unit_name == name) unit = nanoseconds;
    }
    if (unit == 0) {
      return InvalidArgument("time: unknown unit " + GoQuote(name) +
                             " in duration " + GoQuote(text));
    }
    auto count = whole.empty() ? uint64_t{0} : ParseUint(whole);
    if (!count || *count > kMax / unit) return invalid;
    uint64_t part = *count * unit;
    // Digits beyond what counts nanoseconds of an hour do not matter.
    double numerator = 0, scale = 1;
    for (char digit : fraction.substr(0, 18)) {
      numerator = numerator * 10 + (digit - '0');
      scale *= 10;
    }
    part +=
        static_cast<uint64_t>(numerator * (static_cast<double>(unit) / scale));
    if (part > kMax || total > kMax - part) return invalid;
    total += part;
  }
  if (!negative && total == kMax) return invalid;
  auto value = static_cast<int64_t>(negative ? 0 - total : total);
  return std::chrono::nanoseconds(value);
}

}  // namespace strake::dockerfile
