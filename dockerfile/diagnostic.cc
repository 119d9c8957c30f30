#include "dockerfile/diagnostic.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "util/strings.h"

namespace strake::dockerfile {
namespace {

// Line `number` of `text`, without its ending.
std::optional<std::string_view> FindLine(std::string_view text, int number) {
  if (number < 1 || text.empty()) return {};
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, 3) == kByteOrderMark) text.remove_prefix(3);
  for (int line = 1;; ++line) {
    size_t end = text.find('\n');
    if (line == number) {
      std::string_view found = text.substr(0, end);
      if (!found.empty() && found.back() == '\r') found.remove_suffix(1);
      return found;
    }
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
}

// As many blanks as `text` is wide, tabs kept, so that what follows stands
// below what follows `text`. Continuation bytes of UTF-8 have no width.
std::string Indentation(std::string_view text) {
  std::string blanks;
  for (char c : text) {
    if (c == '\t') {
      blanks += '\t';
    } else if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) {
      blanks += ' ';
    }
  }
  return blanks;
}

std::string Underline(std::string_view line, const SourceRange& range) {
  size_t begin =
      std::min<size_t>(std::max(range.start_column, 1) - 1, line.size());
  size_t end =
      range.end_line > range.start_line
          ? line.size()
          : std::min<size_t>(std::max(range.end_column, 1) - 1, line.size());
  std::string_view marked =
      end > begin ? line.substr(begin, end - begin) : std::string_view();
  size_t width = 0;
  for (char c : marked) {
    if ((static_cast<unsigned char>(c) & 0xc0) != 0x80) ++width;
  }
  return Indentation(line.substr(0, begin)) +
         std::string(std::max<size_t>(width, 1), '^');
}

}  // namespace

Diagnostic MakeError(std::string message, SourceRange range, std::string hint) {
  return {.severity = Severity::kError,
          .rule = {},
          .message = std::move(message),
          .range = range,
          .hint = std::move(hint)};
}

bool HasErrors(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(), [](const auto& d) {
    return d.severity == Severity::kError;
  });
}

void SortByPlace(std::vector<Diagnostic>& diagnostics) {
  std::stable_sort(diagnostics.begin(), diagnostics.end(),
                   [](const Diagnostic& a, const Diagnostic& b) {
                     return std::pair(a.range.start_line,
                                      a.range.start_column) <
                            std::pair(b.range.start_line, b.range.start_column);
                   });
}

std::string FormatDiagnostic(const Diagnostic& diagnostic,
                             std::string_view filename,
                             std::string_view source_text) {
  std::string out =
      diagnostic.severity == Severity::kError ? "error" : "warning";
  if (!diagnostic.rule.empty()) out += "[" + diagnostic.rule + "]";
  out += ": " + diagnostic.message + "\n";
  const SourceRange& range = diagnostic.range;
  std::string number = std::to_string(range.start_line);
  std::string margin(number.size(), ' ');
  out += margin + "--> " + std::string(filename);
  if (range.known()) {
    out += ":" + number + ":" + std::to_string(range.start_column);
  }
  out += "\n";
  std::string gutter = margin + " |";
  if (auto line = FindLine(source_text, range.start_line)) {
    out += gutter + "\n";
    out += number + " | " + std::string(*line) + "\n";
    out += gutter + " " + Underline(*line, range) + "\n";
  }
  if (!diagnostic.hint.empty()) {
    out += margin + " = hint: " + diagnostic.hint + "\n";
  }
  return out;
}

std::string FormatDiagnostics(const std::vector<Diagnostic>& diagnostics,
                              std::string_view filename,
                              std::string_view source_text) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    if (!out.empty()) out += "\n";
    out += FormatDiagnostic(diagnostic, filename, source_text);
  }
  return out;
}

}  // namespace strake::dockerfile
