#include "tasks/gotmpl/time_layout.h"

#include <cstddef>

namespace strake::tasks::gotmpl {
namespace {

struct Pattern {
  std::string_view text;
  LayoutField field;
  bool word = false;  // no lower-case letter may follow
};

// Of patterns that begin alike, the longer one first.
constexpr Pattern kPatterns[] = {
    {"January", LayoutField::kLongMonth},
    {"Jan", LayoutField::kShortMonth, true},
    {"Monday", LayoutField::kLongWeekDay},
    {"Mon", LayoutField::kShortWeekDay, true},
    {"MST", LayoutField::kZoneName},
    {"002", LayoutField::kZeroYearDay},
    {"01", LayoutField::kZeroMonth},
    {"02", LayoutField::kZeroDay},
    {"03", LayoutField::kZeroHour12},
    {"04", LayoutField::kZeroMinute},
    {"05", LayoutField::kZeroSecond},
    {"06", LayoutField::kYear},
    {"15", LayoutField::kHour},
    {"1", LayoutField::kMonth},
    {"2006", LayoutField::kLongYear},
    {"2", LayoutField::kDay},
    {"__2", LayoutField::kBlankYearDay},
    {"_2", LayoutField::kBlankDay},
    {"3", LayoutField::kHour12},
    {"4", LayoutField::kMinute},
    {"5", LayoutField::kSecond},
    {"PM", LayoutField::kUpperHalf},
    {"pm", LayoutField::kLowerHalf},
    {"-070000", LayoutField::kZone},
    {"-07:00:00", LayoutField::kZone},
    {"-0700", LayoutField::kZone},
    {"-07:00", LayoutField::kZone},
    {"-07", LayoutField::kZone},
    {"Z070000", LayoutField::kZuluZone},
    {"Z07:00:00", LayoutField::kZuluZone},
    {"Z0700", LayoutField::kZuluZone},
    {"Z07:00", LayoutField::kZuluZone},
    {"Z07", LayoutField::kZuluZone},
};

// ".000" or ",999" of any length that no digit follows.
LayoutPart TakeFraction(std::string_view rest) {
  if (rest.size() < 2 || (rest[0] != '.' && rest[0] != ',')) return {};
  char digit = rest[1];
  if (digit != '0' && digit != '9') return {};
  size_t end = 1;
  while (end < rest.size() && rest[end] == digit) ++end;
  if (end < rest.size() && rest[end] >= '0' && rest[end] <= '9') return {};
  return {
      digit == '0' ? LayoutField::kZeroFraction : LayoutField::kShortFraction,
      rest.substr(0, end)};
}

// What `rest` begins with; a literal without text if nothing.
LayoutPart TakeField(std::string_view rest) {
  // In "_2006" the blank is a literal.
  if (rest.starts_with("_2006")) return {};
  for (const Pattern& pattern : kPatterns) {
    if (!rest.starts_with(pattern.text)) continue;
    std::string_view after = rest.substr(pattern.text.size());
    bool word_goes_on =
        pattern.word && !after.empty() && after[0] >= 'a' && after[0] <= 'z';
    if (word_goes_on) continue;
    return {pattern.field, rest.substr(0, pattern.text.size())};
  }
  return TakeFraction(rest);
}

}  // namespace

std::vector<LayoutPart> ParseLayout(std::string_view layout) {
  std::vector<LayoutPart> parts;
  size_t literal = 0;
  size_t at = 0;
  auto end_literal = [&] {
    if (at == literal) return;
    parts.push_back(
        {LayoutField::kLiteral, layout.substr(literal, at - literal)});
  };
  while (at < layout.size()) {
    LayoutPart part = TakeField(layout.substr(at));
    if (part.text.empty()) {
      ++at;
      continue;
    }
    end_literal();
    parts.push_back(part);
    at += part.text.size();
    literal = at;
  }
  end_literal();
  return parts;
}

ZoneStyle StyleOf(std::string_view written) {
  ZoneStyle style;
  style.colons = written.find(':') != std::string_view::npos;
  style.minutes = written.size() > 3;
  style.seconds = written.size() > 6;
  return style;
}

}  // namespace strake::tasks::gotmpl
