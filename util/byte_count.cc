#include "util/byte_count.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

#include "util/strings.h"

namespace strake {

std::optional<uint64_t> ParseByteCount(std::string_view text) {
  const size_t end =
      std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string digits(text.substr(0, end));
  char* rest = nullptr;
  const double number = std::strtod(digits.c_str(), &rest);
  if (digits.empty() || *rest != '\0') return {};
  std::string unit = ToLower(std::string(text.substr(end)));
  if (unit.ends_with('b')) unit.pop_back();
  const double factor = unit.ends_with('i') ? 1024 : 1000;
  if (unit.ends_with('i')) unit.pop_back();
  constexpr std::string_view kUnits = "kmgt";
  size_t power = 0;
  if (!unit.empty()) power = kUnits.find(unit[0]) + 1;
  if (unit.size() > 1 || (!unit.empty() && power == 0)) return {};
  const double bytes = number * std::pow(factor, power);
  if (bytes >= 9e18) return {};
  return static_cast<uint64_t>(bytes);
}

}  // namespace strake
