#include "cli/storage_values.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "util/byte_count.h"

namespace strake::cli {
namespace {

// The number that `text` begins with, which is taken off.
Result<double> TakeNumber(std::string_view& text) {
  const size_t end =
      std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string digits(text.substr(0, end));
  char* rest = nullptr;
  const double number = std::strtod(digits.c_str(), &rest);
  if (digits.empty() || *rest != '\0') {
    return InvalidArgument("\"" + std::string(text) + "\" is no number");
  }
  text.remove_prefix(end);
  return number;
}

}  // namespace

Result<uint64_t> ParseBytes(std::string_view option, std::string_view text) {
  if (auto bytes = ParseByteCount(text)) return *bytes;
  return InvalidArgument(std::string(option) + "=" + std::string(text) +
                         ": expected a size such as 500MB or 10GiB");
}

Result<std::chrono::seconds> ParseDuration(std::string_view option,
                                           std::string_view text) {
  const Error wrong =
      InvalidArgument(std::string(option) + "=" + std::string(text) +
                      ": expected a time such as 90s, 24h or 7d");
  std::string_view rest = text;
  double seconds = 0;
  while (!rest.empty()) {
    auto number = TakeNumber(rest);
    if (!number) return wrong;
    double unit = 1;
    if (!rest.empty()) {
      constexpr std::pair<char, double> kUnits[] = {
          {'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
      auto found =
          std::ranges::find(kUnits, rest[0], &std::pair<char, double>::first);
      if (found == std::end(kUnits)) return wrong;
      unit = found->second;
      rest.remove_prefix(1);
    }
    seconds += *number * unit;
  }
  if (text.empty() || seconds > 1e10) return wrong;
  return std::chrono::seconds(static_cast<int64_t>(seconds));
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths(rows.empty() ? 0 : rows[0].size());
  for (const auto& cells : rows) {
    for (size_t i = 0; i < cells.size(); ++i) {
      widths[i] = std::max(widths[i], cells[i].size());
    }
  }
  std::string text;
  for (const auto& cells : rows) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      line += cells[i];
      if (i + 1 < cells.size()) {
        line.append(widths[i] - cells[i].size() + 3, ' ');
      }
    }
    text += line + "\n";
  }
  return text;
}

}  // namespace strake::cli
