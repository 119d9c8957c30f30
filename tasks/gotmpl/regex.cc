#include "tasks/gotmpl/regex.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "tasks/gotmpl/function.h"
#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

RE2::Options Quiet() {
  RE2::Options options;
  options.set_log_errors(false);
  return options;
}

re2::StringPiece Piece(std::string_view text) {
  return re2::StringPiece(text.data(), text.size());
}

// Bytes of the rune at `at`; 1 at the end.
size_t Width(std::string_view text, size_t at) {
  size_t length = 1;
  if (at < text.size()) FirstRune(text.substr(at), length);
  return length;
}

bool NameByte(char c) {
  return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
         (c >= 'A' && c <= 'Z');
}

}  // namespace

struct Regex::Program {
  explicit Program(const std::string& pattern) : re2(Piece(pattern), Quiet()) {}

  // The match from byte `at` on and its groups; empty where there is none.
  std::vector<std::string_view> Match(std::string_view text, size_t at) const {
    std::vector<re2::StringPiece> pieces(
        static_cast<size_t>(re2.NumberOfCapturingGroups()) + 1);
    bool found = re2.Match(Piece(text), at, text.size(), RE2::UNANCHORED,
                           pieces.data(), static_cast<int>(pieces.size()));
    if (!found) return {};
    std::vector<std::string_view> groups;
    for (const re2::StringPiece& piece : pieces) {
      groups.emplace_back(piece.data(), piece.size());
    }
    return groups;
  }

  RE2 re2;
};

struct Regex::Span {
  size_t begin = 0;
  size_t end = 0;
};

Regex::Regex(std::unique_ptr<const Program> program)
    : program_(std::move(program)) {}
Regex::Regex(Regex&&) noexcept = default;
Regex& Regex::operator=(Regex&&) noexcept = default;
Regex::~Regex() = default;

Result<Regex> Regex::Compile(const std::string& pattern) {
  auto program = std::make_unique<const Program>(pattern);
  if (!program->re2.ok()) {
    return InvalidArgument("regexp: Compile(`" + pattern +
                           "`): error parsing regexp: " + program->re2.error());
  }
  return Regex(std::move(program));
}

bool Regex::Matches(std::string_view text) const {
  return RE2::PartialMatch(Piece(text), program_->re2);
}

std::string Regex::Find(std::string_view text) const {
  auto groups = program_->Match(text, 0);
  return groups.empty() ? "" : std::string(groups[0]);
}

Result<std::vector<Regex::Span>> Regex::FindSpans(std::string_view text,
                                                  int64_t count) const {
  std::vector<Span> spans;
  size_t at = 0;
  size_t previous_end = std::string_view::npos;
  while (at <= text.size() &&
         (count < 0 || static_cast<int64_t>(spans.size()) < count)) {
    auto groups = program_->Match(text, at);
    if (groups.empty()) break;
    auto begin = static_cast<size_t>(groups[0].data() - text.data());
    size_t end = begin + groups[0].size();
    // An empty match right behind another one is none.
    bool counts = begin != end || begin != previous_end;
    at = end == at ? at + Width(text, at) : end;
    previous_end = end;
    if (!counts) continue;
    spans.push_back({begin, end});
    RETURN_IF_ERROR(CheckListSize(spans.size()));
  }
  return spans;
}

Result<std::vector<std::string>> Regex::FindAll(std::string_view text,
                                                int64_t count) const {
  ASSIGN_OR_RETURN(std::vector<Span> spans, FindSpans(text, count));
  std::vector<std::string> found;
  for (const Span& span : spans) {
    found.emplace_back(text.substr(span.begin, span.end - span.begin));
  }
  return found;
}

std::string Regex::Expand(std::string_view replacement,
                          const std::vector<std::string_view>& groups) const {
  std::string out;
  while (!replacement.empty()) {
    size_t dollar = std::min(replacement.find('$'), replacement.size());
    out += replacement.substr(0, dollar);
    replacement.remove_prefix(dollar);
    if (replacement.empty()) break;
    if (replacement.starts_with("$$")) {
      out += '$';
      replacement.remove_prefix(2);
      continue;
    }
    bool braces = replacement.starts_with("${");
    std::string_view rest = replacement.substr(braces ? 2 : 1);
    size_t length = 0;
    while (length < rest.size() && NameByte(rest[length])) ++length;
    bool named =
        length > 0 && (!braces || rest.substr(length).starts_with('}'));
    if (!named) {
      out += '$';
      replacement.remove_prefix(1);
      continue;
    }
    std::string name(rest.substr(0, length));
    replacement = rest.substr(length + (braces ? 1 : 0));
    auto number = ParseUint(name);
    if (!number) {
      const auto& names = program_->re2.NamedCapturingGroups();
      auto found = names.find(name);
      if (found == names.end()) continue;
      number = static_cast<uint64_t>(found->second);
    }
    if (*number < groups.size()) out += groups[*number];
  }
  return out;
}

Result<std::string> Regex::Replace(std::string_view text,
                                   std::string_view replacement,
                                   Dollars dollars) const {
  std::string out;
  size_t copied = 0;
  size_t at = 0;
  while (at <= text.size()) {
    auto groups = program_->Match(text, at);
    if (groups.empty()) break;
    auto begin = static_cast<size_t>(groups[0].data() - text.data());
    size_t end = begin + groups[0].size();
    out += text.substr(copied, begin - copied);
    // An empty match right behind another one is not replaced.
    if (end > copied || begin == 0) {
      out += dollars == Dollars::kLiteral ? std::string(replacement)
                                          : Expand(replacement, groups);
    }
    copied = end;
    at = std::max(end, at + Width(text, at));
    RETURN_IF_ERROR(CheckTextSize(out.size()));
  }
  if (copied < text.size()) out += text.substr(copied);
  return out;
}

Result<std::string> Regex::ReplaceAll(std::string_view text,
                                      std::string_view replacement) const {
  return Replace(text, replacement, Dollars::kExpand);
}

Result<std::string> Regex::ReplaceAllLiteral(
    std::string_view text, std::string_view replacement) const {
  return Replace(text, replacement, Dollars::kLiteral);
}

Result<std::vector<std::string>> Regex::Split(std::string_view text,
                                              int64_t count) const {
  std::vector<std::string> pieces;
  if (count == 0) return pieces;
  if (text.empty() && !program_->re2.pattern().empty()) {
    pieces.emplace_back();
    return pieces;
  }
  ASSIGN_OR_RETURN(std::vector<Span> spans, FindSpans(text, count));
  size_t begin = 0;
  size_t end = 0;
  for (const Span& span : spans) {
    if (count > 0 && static_cast<int64_t>(pieces.size()) == count - 1) break;
    end = span.begin;
    if (span.end != 0) pieces.emplace_back(text.substr(begin, end - begin));
    begin = span.end;
  }
  if (end != text.size()) pieces.emplace_back(text.substr(begin));
  return pieces;
}

}  // namespace strake::tasks::gotmpl
