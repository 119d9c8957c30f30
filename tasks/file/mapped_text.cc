#include "tasks/file/mapped_text.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "util/strings.h"

namespace strake::tasks::file {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::string_view kVersion = "version";

// Without "\n" and "\r\n", which mean the same to YAML.
std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines = Split(text, '\n');
  for (std::string_view& line : lines) {
    if (line.ends_with('\r')) line.remove_suffix(1);
  }
  return lines;
}

std::string_view WithoutQuotes(std::string_view word) {
  word = Trim(word);
  while (word.starts_with('"') || word.starts_with('\'')) {
    word.remove_prefix(1);
  }
  while (word.ends_with('"') || word.ends_with('\'')) word.remove_suffix(1);
  return Trim(word);
}

std::string_view WithoutTrailingComment(std::string_view value) {
  return value.substr(0, std::min(value.find(" #"), value.size()));
}

// In how many bytes both begin alike.
size_t CommonPrefix(std::string_view a, std::string_view b) {
  auto end = std::ranges::mismatch(a, b).in1;
  return static_cast<size_t>(end - a.begin());
}

size_t CommonSuffix(std::string_view a, std::string_view b) {
  size_t shorter = std::min(a.size(), b.size());
  size_t length = 0;
  while (length < shorter &&
         a[a.size() - 1 - length] == b[b.size() - 1 - length]) {
    ++length;
  }
  return length;
}

}  // namespace

MappedText WithoutCommentLines(std::string_view file) {
  if (file.starts_with(kByteOrderMark)) {
    file.remove_prefix(kByteOrderMark.size());
  }
  MappedText kept;
  int number = 0;
  for (std::string_view line : Lines(file)) {
    ++number;
    if (TrimLeft(line).starts_with('#')) continue;
    if (!kept.lines.empty()) kept.text += '\n';
    kept.text += line;
    kept.lines.push_back(number);
  }
  return kept;
}

std::string FindVersion(std::string_view text) {
  for (std::string_view line : Split(text, '\n')) {
    std::string_view word = line;
    if (word.starts_with('"') || word.starts_with('\'')) word.remove_prefix(1);
    if (!word.starts_with(kVersion)) continue;
    auto parts = SplitOnce(line, ':');
    if (!parts || WithoutQuotes(parts->first) != kVersion) continue;
    return std::string(WithoutQuotes(WithoutTrailingComment(parts->second)));
  }
  return "";
}

int SourceLine(const MappedText& text, int line) {
  if (text.lines.empty()) return 1;
  int last = static_cast<int>(text.lines.size());
  return text.lines[static_cast<size_t>(std::clamp(line, 1, last) - 1)];
}

Locator::Locator(std::string_view file, const MappedText& text)
    : text_(text), source_lines_(Lines(file)), lines_(Split(text.text, '\n')) {}

Place Locator::Locate(int line, int column) const {
  Place place{SourceLine(text_, line), std::max(column, 1)};
  size_t index = static_cast<size_t>(std::max(line, 1) - 1);
  size_t source = static_cast<size_t>(place.line - 1);
  if (index >= lines_.size() || source >= source_lines_.size()) return place;
  std::string_view now = lines_[index];
  std::string_view was = source_lines_[source];
  if (now == was) return place;
  size_t before = static_cast<size_t>(place.column - 1);
  size_t prefix = CommonPrefix(now, was);
  if (before <= prefix) return place;
  size_t after = before < now.size() ? now.size() - before : 0;
  size_t suffix = CommonSuffix(now.substr(prefix), was.substr(prefix));
  size_t offset = after <= suffix ? was.size() - after : prefix;
  place.column = static_cast<int>(offset) + 1;
  return place;
}

}  // namespace strake::tasks::file
