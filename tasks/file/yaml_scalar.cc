#include "tasks/file/yaml_scalar.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "util/strings.h"

namespace strake::tasks::file {
namespace {

constexpr std::string_view kTrue[] = {"y", "yes", "on", "true"};
constexpr std::string_view kFalse[] = {"n", "no", "off", "false"};

// "yes", "Yes" and "YES", but not "yEs".
bool IsOneOf(std::string_view text, std::span<const std::string_view> words) {
  std::string lower = ToLower(text);
  std::string capital = lower;
  if (!capital.empty()) capital[0] = ToUpper(lower.substr(0, 1))[0];
  if (text != lower && text != capital && text != ToUpper(text)) return false;
  return std::ranges::find(words, lower) != words.end();
}

// What strconv.ParseInt takes in base 0: 12, -7, 0x1f, 0o17, 017, 0b101, 1_000.
std::optional<int64_t> ParseGoInt(std::string_view text) {
  std::string digits = ReplaceAll(text, "_", "");
  std::string_view rest = digits;
  bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  int base = 10;
  std::string prefix = ToLower(rest.substr(0, 2));
  if (prefix == "0x" || prefix == "0o" || prefix == "0b") {
    base = prefix == "0x" ? 16 : prefix == "0o" ? 8 : 2;
    rest.remove_prefix(2);
  } else if (rest.size() > 1 && rest[0] == '0') {
    base = 8;
  }
  int64_t value = 0;
  auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), value, base);
  if (error != std::errc() || end != rest.data() + rest.size() ||
      rest.starts_with('-')) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

std::optional<double> ParseFloat(std::string_view text) {
  std::string_view rest = text;
  if (rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty() ||
      rest.find_first_not_of("0123456789+-.eE") != std::string_view::npos) {
    return std::nullopt;
  }
  double value = 0;
  auto [end, error] =
      std::from_chars(rest.data(), rest.data() + rest.size(), value);
  if (error != std::errc() || end != rest.data() + rest.size()) {
    return std::nullopt;
  }
  return value;
}

}  // namespace

ScalarType TypeOf(const YamlNode& scalar) {
  if (scalar.is_null()) return ScalarType::kNull;
  if (!scalar.plain) return ScalarType::kString;
  if (IsOneOf(scalar.text, kTrue) || IsOneOf(scalar.text, kFalse)) {
    return ScalarType::kBool;
  }
  if (ParseGoInt(scalar.text)) return ScalarType::kInt;
  if (ParseFloat(scalar.text)) return ScalarType::kFloat;
  return ScalarType::kString;
}

bool BoolOf(const YamlNode& scalar) { return IsOneOf(scalar.text, kTrue); }

int64_t IntOf(const YamlNode& scalar) {
  return ParseGoInt(scalar.text).value_or(0);
}

double FloatOf(const YamlNode& scalar) {
  return ParseFloat(scalar.text).value_or(0);
}

}  // namespace strake::tasks::file
