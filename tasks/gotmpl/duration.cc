#include "tasks/gotmpl/duration.h"

#include <cstdint>
#include <limits>
#include <utility>

#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

constexpr std::pair<std::string_view, int64_t> kUnits[] = {
    {"ns", 1},           {"us", 1000},          {"\xc2\xb5s", 1000},
    {"\xce\xbcs", 1000}, {"ms", 1'000'000},     {"s", kSecond},
    {"m", 60 * kSecond}, {"h", 3600 * kSecond},
};

std::string_view TakeDigits(std::string_view& text) {
  size_t length = text.find_first_not_of("0123456789");
  std::string_view digits = text.substr(0, length);
  text.remove_prefix(digits.size());
  return digits;
}

// One "1.5h" at the front of `text`.
std::optional<int64_t> TakePart(std::string_view& text) {
  std::string_view whole = TakeDigits(text);
  std::string_view fraction;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    fraction = TakeDigits(text);
  }
  if (whole.empty() && fraction.empty()) return std::nullopt;
  std::string_view name = text.substr(0, text.find_first_of(".0123456789"));
  text.remove_prefix(name.size());
  for (const auto& [unit, nanoseconds] : kUnits) {
    if (unit != name) continue;
    auto count = whole.empty() ? std::optional<uint64_t>(0) : ParseUint(whole);
    constexpr auto kMost =
        static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    auto scale = static_cast<uint64_t>(nanoseconds);
    if (!count || *count > kMost / scale) return std::nullopt;
    double part = 0;
    double place = static_cast<double>(nanoseconds);
    for (char digit : fraction) {
      place /= 10;
      part += place * (digit - '0');
    }
    uint64_t total = *count * scale + static_cast<uint64_t>(part + 1e-6);
    if (total > kMost) return std::nullopt;
    return static_cast<int64_t>(total);
  }
  return std::nullopt;
}

// `nanoseconds` in a unit that has `digits` decimals.
std::string Decimal(uint64_t nanoseconds, int digits) {
  std::string text = std::to_string(nanoseconds);
  auto places = static_cast<size_t>(digits);
  if (text.size() <= places) text.insert(0, places + 1 - text.size(), '0');
  text.insert(text.size() - places, ".");
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace

std::optional<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  int64_t total = 0;
  while (!text.empty()) {
    auto part = TakePart(text);
    if (!part || *part > std::numeric_limits<int64_t>::max() - total) {
      return std::nullopt;
    }
    total += *part;
  }
  return std::chrono::nanoseconds(negative ? -total : total);
}

std::string DurationText(std::chrono::nanoseconds duration) {
  int64_t count = duration.count();
  if (count == 0) return "0s";
  std::string sign = count < 0 ? "-" : "";
  uint64_t left = count < 0 ? 0 - static_cast<uint64_t>(count)
                            : static_cast<uint64_t>(count);
  if (left < 1000) return sign + std::to_string(left) + "ns";
  if (left < 1'000'000) return sign + Decimal(left, 3) + "\xc2\xb5s";
  constexpr auto kWhole = static_cast<uint64_t>(kSecond);
  if (left < kWhole) return sign + Decimal(left, 6) + "ms";
  uint64_t hours = left / (3600 * kWhole);
  uint64_t minutes = left / (60 * kWhole) % 60;
  std::string text = sign;
  if (hours > 0) text += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
  return text + Decimal(left % (60 * kWhole), 9) + "s";
}

}  // namespace strake::tasks::gotmpl
