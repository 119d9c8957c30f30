#include "dockerfile/path_glob.h"

#include <re2/re2.h>

#include <algorithm>
#include <utility>

#include "dockerfile/unicode.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

bool StartsWith(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

bool EndsWith(std::string_view text, std::string_view suffix) {
  return text.size() >= suffix.size() &&
         text.substr(text.size() - suffix.size()) == suffix;
}

// Go's filepath.Match rules: a class is closed and not empty, nothing in it
// begins with "-" or "]" unescaped, and no escape ends the pattern.
bool IsValidClass(std::string_view pattern, size_t& at) {
  auto read_char = [&] {
    if (at == pattern.size() || pattern[at] == '-' || pattern[at] == ']') {
      return false;
    }
    if (pattern[at] == '\\' && ++at == pattern.size()) return false;
    at += CharLength(pattern, at);
    return at < pattern.size();
  };
  ++at;
  if (at < pattern.size() && pattern[at] == '^') ++at;
  for (size_t ranges = 0;; ++ranges) {
    if (at < pattern.size() && pattern[at] == ']' && ranges > 0) break;
    if (!read_char()) return false;
    if (pattern[at] == '-') {
      ++at;
      if (!read_char()) return false;
    }
  }
  ++at;
  return true;
}

bool IsValidGlob(std::string_view pattern) {
  for (size_t at = 0; at < pattern.size();) {
    if (pattern[at] == '[') {
      if (!IsValidClass(pattern, at)) return false;
    } else if (pattern[at] == '\\') {
      if (++at == pattern.size()) return false;
      at += CharLength(pattern, at);
    } else {
      ++at;
    }
  }
  return true;
}

// The class that starts at `at`, brackets included, for RE2.
std::string TakeClass(std::string_view pattern, size_t& at) {
  size_t begin = at;
  IsValidClass(pattern, at);
  std::string regex = "[";
  std::string_view inside = pattern.substr(begin + 1, at - begin - 2);
  for (size_t i = 0; i < inside.size(); ++i) {
    char c = inside[i];
    if (c == '\\') {
      // RE2 gives escaped letters meanings of their own.
      char escaped = inside[++i];
      bool word = (escaped >= 'a' && escaped <= 'z') ||
                  (escaped >= 'A' && escaped <= 'Z') ||
                  (escaped >= '0' && escaped <= '9') ||
                  static_cast<unsigned char>(escaped) >= 0x80;
      if (!word) regex += '\\';
      regex += escaped;
    } else if (c == '[' || (c == '^' && i > 0)) {
      regex += '\\';
      regex += c;
    } else {
      regex += c;
    }
  }
  return regex + "]";
}

std::string QuoteChar(std::string_view c) {
  return re2::RE2::QuoteMeta(re2::StringPiece(c.data(), c.size()));
}

// `pattern` as a regular expression over whole paths.
std::string ToRegex(std::string_view pattern) {
  std::string regex;
  for (size_t at = 0; at < pattern.size();) {
    if (StartsWith(pattern.substr(at), "**")) {
      at += 2;
      if (at < pattern.size() && pattern[at] == '/') ++at;
      regex += at == pattern.size() ? "\\C*" : "(?:\\C*/)?";
    } else if (pattern[at] == '*') {
      regex += "[^/]*";
      ++at;
    } else if (pattern[at] == '?') {
      regex += "[^/]";
      ++at;
    } else if (pattern[at] == '[') {
      regex += TakeClass(pattern, at);
    } else {
      if (pattern[at] == '\\') ++at;
      size_t length = CharLength(pattern, at);
      regex += QuoteChar(pattern.substr(at, length));
      at += length;
    }
  }
  return regex;
}

bool IsPlain(std::string_view text) {
  return text.find_first_of("*?[\\") == std::string_view::npos;
}

}  // namespace

struct PathGlob::Regex {
  explicit Regex(const std::string& text, const re2::RE2::Options& options)
      : re(text, options) {}
  re2::RE2 re;
};

SplitPath::SplitPath(std::string_view path) : text_(path) {
  size_t begin = 0;
  while (begin < path.size()) {
    size_t end = std::min(path.find('/', begin), path.size());
    std::string_view component = path.substr(begin, end - begin);
    if (count_ < kInline) {
      inline_[count_] = component;
    } else {
      if (heap_.empty()) heap_.assign(inline_, inline_ + kInline);
      heap_.push_back(component);
    }
    ++count_;
    begin = end + 1;
  }
  if (!heap_.empty()) components_ = heap_.data();
}

std::string_view SplitPath::Prefix(size_t count) const {
  if (count == 0) return {};
  const std::string_view& last = components_[count - 1];
  return text_.substr(
      0, static_cast<size_t>(last.data() + last.size() - text_.data()));
}

PathGlob::PathGlob() = default;
PathGlob::~PathGlob() = default;
PathGlob::PathGlob(PathGlob&&) noexcept = default;
PathGlob& PathGlob::operator=(PathGlob&&) noexcept = default;

Result<PathGlob> PathGlob::Compile(std::string_view pattern) {
  if (!IsValidGlob(pattern)) {
    return InvalidArgument("syntax error in pattern " + GoQuote(pattern));
  }
  PathGlob glob;
  glob.pattern_ = pattern;
  if (IsPlain(pattern)) {
    glob.literal_ = pattern;
    return glob;
  }
  std::vector<std::string_view> pieces = Split(pattern, '/');
  bool by_component =
      pattern.find('[') == std::string_view::npos &&
      pattern.find("\\/") == std::string_view::npos &&
      std::all_of(pieces.begin(), pieces.end(), [](std::string_view piece) {
        return piece == "**" || piece.find("**") == std::string_view::npos;
      });
  if (by_component) {
    glob.kind_ = Kind::kSegments;
    glob.segments_.emplace_back();
    for (std::string_view piece : pieces) {
      if (piece == "**") {
        glob.segments_.emplace_back();
        continue;
      }
      ASSIGN_OR_RETURN(Component component, CompileComponent(piece));
      glob.segments_.back().push_back(std::move(component));
    }
    if (!glob.segments_.back().empty()) {
      const Component& last = glob.segments_.back().back();
      glob.literal_ = last.literal ? last.text : last.suffix;
    }
    return glob;
  }
  // `foo**` and `**foo` compare characters, not components.
  bool stars_last = EndsWith(pattern, "**");
  if (stars_last && IsPlain(pattern.substr(0, pattern.size() - 2))) {
    glob.kind_ = Kind::kPrefix;
    glob.literal_ = pattern.substr(0, pattern.size() - 2);
    return glob;
  }
  if (StartsWith(pattern, "**") && IsPlain(pattern.substr(2))) {
    glob.kind_ = Kind::kSuffix;
    glob.literal_ = pattern.substr(2);
    return glob;
  }
  glob.kind_ = Kind::kRegex;
  re2::RE2::Options options;
  options.set_log_errors(false);
  if (!IsUtf8(pattern)) options.set_encoding(re2::RE2::Options::EncodingLatin1);
  glob.regex_ = std::make_unique<Regex>(ToRegex(pattern), options);
  if (!glob.regex_->re.ok()) {
    return InvalidArgument("syntax error in pattern " + GoQuote(pattern) +
                           ": " + glob.regex_->re.error());
  }
  return glob;
}

Result<PathGlob::Component> PathGlob::CompileComponent(std::string_view text) {
  Component component;
  component.text = text;
  if (IsPlain(text)) return component;
  component.literal = false;
  component.prefix = text.substr(0, text.find_first_of("*?\\"));
  if (text.find('\\') == std::string_view::npos) {
    component.suffix = text.substr(text.find_last_of("*?") + 1);
  }
  return component;
}

bool PathGlob::Component::Matches(std::string_view name) const {
  if (literal) return name == text;
  if (name.size() < prefix.size() + suffix.size()) return false;
  if (!EndsWith(name, suffix) || !StartsWith(name, prefix)) return false;
  // `prefix*suffix`: nothing is left to compare.
  if (prefix.size() + suffix.size() + 1 == text.size() &&
      text[prefix.size()] == '*') {
    return true;
  }
  return GlobMatches(text, name);
}

// The usual walk with one point to fall back to: behind the last `*`, which
// then takes one character more.
bool PathGlob::GlobMatches(std::string_view glob, std::string_view name) {
  size_t at = 0, in = 0;
  size_t star = std::string_view::npos, retry = 0;
  while (in < name.size()) {
    if (at < glob.size() && glob[at] == '*') {
      star = ++at;
      retry = in;
      continue;
    }
    size_t length = CharLength(name, in);
    if (at < glob.size() && glob[at] == '?') {
      ++at;
      in += length;
      continue;
    }
    size_t literal = at + (at < glob.size() && glob[at] == '\\' ? 1 : 0);
    if (literal < glob.size() && glob[literal] == name[in]) {
      at = literal + 1;
      ++in;
      continue;
    }
    if (star == std::string_view::npos) return false;
    at = star;
    retry += CharLength(name, retry);
    in = retry;
  }
  while (at < glob.size() && glob[at] == '*') ++at;
  return at == glob.size();
}

bool PathGlob::MatchesAt(const std::vector<Component>& segment,
                         std::span<const std::string_view> path, size_t at) {
  for (size_t i = 0; i < segment.size(); ++i) {
    if (!segment[i].Matches(path[at + i])) return false;
  }
  return true;
}

bool PathGlob::MatchesSegments(std::span<const std::string_view> path) const {
  const std::vector<Component>& first = segments_.front();
  const std::vector<Component>& last = segments_.back();
  if (segments_.size() == 1) {
    return path.size() == first.size() && MatchesAt(first, path, 0);
  }
  // A `**` at the end stands for at least one component.
  size_t at_end = std::max<size_t>(last.size(), last.empty() ? 1 : 0);
  if (path.size() < first.size() + at_end) return false;
  if (!MatchesAt(first, path, 0)) return false;
  size_t end = path.size() - at_end;
  if (!last.empty() && !MatchesAt(last, path, end)) return false;
  size_t at = first.size();
  for (size_t i = 1; i + 1 < segments_.size(); ++i) {
    const std::vector<Component>& segment = segments_[i];
    while (at + segment.size() <= end && !MatchesAt(segment, path, at)) ++at;
    if (at + segment.size() > end) return false;
    at += segment.size();
  }
  return true;
}

bool PathGlob::Matches(const SplitPath& path) const {
  switch (kind_) {
    case Kind::kExact:
      return path.text() == literal_;
    case Kind::kSegments:
      return EndsWith(path.text(), literal_) &&
             MatchesSegments(path.components());
    case Kind::kPrefix:
      return StartsWith(path.text(), literal_);
    case Kind::kSuffix:
      return EndsWith(path.text(), literal_);
    case Kind::kRegex:
      break;
  }
  return re2::RE2::FullMatch(
      re2::StringPiece(path.text().data(), path.text().size()), regex_->re);
}

std::optional<char> PathGlob::FirstByte() const {
  if (kind_ == Kind::kExact || kind_ == Kind::kPrefix) {
    if (!literal_.empty()) return literal_.front();
  } else if (kind_ == Kind::kSegments && !segments_.front().empty()) {
    const Component& first = segments_.front().front();
    const std::string& text = first.literal ? first.text : first.prefix;
    if (!text.empty()) return text.front();
  }
  return {};
}

std::optional<char> PathGlob::LastByte() const {
  if (kind_ == Kind::kPrefix || kind_ == Kind::kRegex || literal_.empty()) {
    return {};
  }
  return literal_.back();
}

bool PathGlob::MayMatchBelow(const SplitPath& path) const {
  std::span<const std::string_view> folders = path.components();
  if (kind_ == Kind::kExact) {
    return literal_.size() > path.text().size() &&
           StartsWith(literal_, path.text()) &&
           (path.text().empty() || literal_[path.text().size()] == '/');
  }
  if (kind_ != Kind::kSegments) return true;
  const std::vector<Component>& first = segments_.front();
  size_t common = std::min(first.size(), folders.size());
  for (size_t i = 0; i < common; ++i) {
    if (!first[i].Matches(folders[i])) return false;
  }
  return segments_.size() > 1 || first.size() > folders.size();
}

}  // namespace strake::dockerfile
