#include "dockerfile/directives.h"

#include <algorithm>
#include <set>
#include <utility>

#include "dockerfile/lexer.h"
#include "dockerfile/unicode.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool IsKnownDirective(std::string_view name) {
  return name == "syntax" || name == "escape" || name == "check";
}

// The value of `directive` as it stands at the end of `line`.
Located LocateValue(const Directive& directive, std::string_view line,
                    int number) {
  size_t at = line.rfind(directive.value);
  int column = static_cast<int>(at) + 1;
  return {.text = directive.value,
          .range = {
              .start_line = number,
              .start_column = column,
              .end_line = number,
              .end_column = column + static_cast<int>(directive.value.size())}};
}

// Directives as the line parser sees them: blanks in front are allowed, a
// second one of a kind is a mistake. Only `escape` is taken from here.
void ReadEscape(std::string_view text, DirectivesResult& result) {
  Lexer lexer(text, '\\');
  std::set<std::string> seen;
  while (auto physical = lexer.NextPhysical()) {
    std::string_view line = TrimLineEnding(physical->text);
    auto directive = ParseDirectiveLine(TrimLeftBlanks(line));
    if (!directive || !IsKnownDirective(directive->name)) return;
    result.lines = physical->number;
    Located value = LocateValue(*directive, line, physical->number);
    if (!seen.insert(directive->name).second) {
      result.diagnostics.push_back(MakeError(
          "only one " + directive->name + " parser directive can be used",
          value.range));
    } else if (directive->name == "escape") {
      if (value.text == "\\" || value.text == "`") {
        result.directives.escape = value.text[0];
      } else {
        result.diagnostics.push_back(MakeError(
            "invalid escape token '" + value.text + "' does not match ` or \\",
            value.range));
      }
    }
  }
}

// `syntax` and `check` are looked for in another way: a shebang line may stand
// above them, but no blanks in front.
void ReadSyntaxAndCheck(std::string_view text, std::string_view marker,
                        Directives& directives) {
  Lexer lexer(text, '\\');
  std::set<std::string> seen;
  while (auto physical = lexer.NextPhysical()) {
    std::string_view line = TrimLineEnding(physical->text);
    if (physical->number == 1 && line.substr(0, 2) == "#!") continue;
    auto directive = ParseDirectiveLine(line, marker);
    if (!directive || !IsKnownDirective(directive->name)) return;
    if (!seen.insert(directive->name).second) return;
    Located value = LocateValue(*directive, line, physical->number);
    if (directive->name == "syntax") directives.syntax = value;
    if (directive->name == "check" && marker == "#") directives.check = value;
  }
}

// A build definition in another language may name its frontend in JSON.
void ReadJsonSyntax(std::string_view text, Directives& directives) {
  if (TrimLeftBlanks(text).substr(0, 1) != "{") return;
  auto document = ParseJson(text);
  if (!document || !document->is_object()) return;
  auto syntax = JsonField(*document).At("syntax").String();
  if (!syntax) return;
  directives.syntax = {
      .text = *syntax,
      .range = {
          .start_line = 1, .start_column = 1, .end_line = 1, .end_column = 2}};
}

}  // namespace

std::optional<Directive> ParseDirectiveLine(std::string_view line,
                                            std::string_view marker) {
  constexpr std::string_view kBlanks = "\t\n\f\r ";
  auto skip_blanks = [&] {
    line.remove_prefix(std::min(line.find_first_not_of(kBlanks), line.size()));
  };
  if (line.substr(0, marker.size()) != marker) return {};
  line.remove_prefix(marker.size());
  skip_blanks();
  size_t end = 0;
  while (end < line.size() &&
         (IsLetter(line[end]) ||
          (end > 0 && line[end] >= '0' && line[end] <= '9'))) {
    ++end;
  }
  if (end == 0) return {};
  Directive directive{.name = ToLower(line.substr(0, end)), .value = {}};
  line.remove_prefix(end);
  skip_blanks();
  if (line.empty() || line[0] != '=') return {};
  line.remove_prefix(1);
  skip_blanks();
  size_t last = line.find_last_not_of(kBlanks);
  if (last == std::string_view::npos) return {};
  directive.value = line.substr(0, last + 1);
  return directive;
}

DirectivesResult ParseDirectives(std::string_view text) {
  DirectivesResult result;
  ReadEscape(text, result);
  ReadSyntaxAndCheck(text, "#", result.directives);
  if (result.directives.syntax.text.empty()) {
    ReadSyntaxAndCheck(text, "//", result.directives);
  }
  if (result.directives.syntax.text.empty()) {
    ReadJsonSyntax(text, result.directives);
  }
  return result;
}

bool IsKnownSyntax(std::string_view syntax) {
  std::string_view image = syntax.substr(0, syntax.find(' '));
  if (image == "dockerfile.v0") return true;
  image = image.substr(0, image.find('@'));
  for (std::string_view host : {"docker.io/", "index.docker.io/"}) {
    if (image.substr(0, host.size()) == host) {
      image.remove_prefix(host.size());
      break;
    }
  }
  std::string_view name = image.substr(0, image.find(':'));
  return name == "docker/dockerfile" || name == "docker/dockerfile-upstream";
}

}  // namespace strake::dockerfile
