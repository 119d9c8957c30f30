#include "dockerfile/ignore.h"

#include <algorithm>
#include <utility>

#include "dockerfile/path_glob.h"
#include "dockerfile/unicode.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::dockerfile {

std::vector<std::string> ReadIgnoreFile(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    text.remove_prefix(kByteOrderMark.size());
  }
  std::vector<std::string> patterns;
  for (std::string_view line : Split(text, '\n')) {
    // A comment only in the first column: " #x" is a pattern.
    if (!line.empty() && line[0] == '#') continue;
    std::string_view pattern = TrimBlanks(line);
    if (pattern.empty()) continue;
    bool exception = pattern[0] == '!';
    if (exception) pattern = TrimBlanks(pattern.substr(1));
    std::string clean;
    if (!pattern.empty()) clean = CleanPath(pattern);
    if (clean.size() > 1 && clean[0] == '/') clean.erase(0, 1);
    patterns.push_back((exception ? "!" : "") + clean);
  }
  return patterns;
}

namespace {

// Tells most paths from most patterns by their first and last byte; small, so
// that hundreds of patterns stay in the fastest cache.
struct Prefilter {
  bool exception = false;
  bool any_first = true;
  bool any_last = true;
  char first = 0;
  char last = 0;

  Prefilter(const PathGlob& glob, bool is_exception)
      : exception(is_exception),
        any_first(!glob.FirstByte()),
        any_last(!glob.LastByte()),
        first(glob.FirstByte().value_or(0)),
        last(glob.LastByte().value_or(0)) {}
  bool MayMatch(std::string_view path) const {
    return (any_first || path.front() == first) &&
           (any_last || path.back() == last);
  }
};

}  // namespace

// The rules in the order of the file: `globs[i]` belongs to `prefilters[i]`.
struct IgnoreMatcher::Compiled {
  std::vector<PathGlob> globs;
  std::vector<Prefilter> prefilters;
  std::vector<std::string> patterns;  // as they were given
  bool has_exceptions = false;
};

IgnoreMatcher::IgnoreMatcher() : compiled_(std::make_shared<Compiled>()) {}
IgnoreMatcher::~IgnoreMatcher() = default;
IgnoreMatcher::IgnoreMatcher(IgnoreMatcher&&) noexcept = default;
IgnoreMatcher& IgnoreMatcher::operator=(IgnoreMatcher&&) noexcept = default;
IgnoreMatcher::IgnoreMatcher(const IgnoreMatcher&) = default;
IgnoreMatcher& IgnoreMatcher::operator=(const IgnoreMatcher&) = default;

Result<IgnoreMatcher> IgnoreMatcher::Compile(
    const std::vector<std::string>& patterns) {
  auto compiled = std::make_shared<Compiled>();
  compiled->patterns = patterns;
  for (const std::string& written : patterns) {
    std::string_view trimmed = TrimBlanks(written);
    if (trimmed.empty()) continue;
    std::string pattern = CleanPath(trimmed);
    bool exception = pattern[0] == '!';
    if (exception) {
      pattern.erase(0, 1);
      compiled->has_exceptions = true;
      if (pattern.empty()) {
        return InvalidArgument("illegal exclusion pattern: \"!\"");
      }
    }
    ASSIGN_OR_RETURN(PathGlob glob, PathGlob::Compile(pattern));
    compiled->prefilters.emplace_back(glob, exception);
    compiled->globs.push_back(std::move(glob));
  }
  IgnoreMatcher matcher;
  matcher.compiled_ = std::move(compiled);
  return matcher;
}

bool IgnoreMatcher::empty() const { return compiled_->globs.empty(); }
bool IgnoreMatcher::has_exceptions() const { return compiled_->has_exceptions; }
const std::vector<std::string>& IgnoreMatcher::patterns() const {
  return compiled_->patterns;
}

// The last rule that matches decides. A rule is asked only where its answer
// could change the outcome so far, and a rule that matched the parent folder
// matches all below it.
bool IgnoreMatcher::Enter(std::string_view path, const State& parent,
                          State& state) const {
  const Compiled& rules = *compiled_;
  const size_t count = rules.globs.size();
  const size_t words = (count + 63) / 64;
  bool has_parent = parent.matched_.size() == words;
  // `state` may be `parent`: bits are only ever added.
  if (&state != &parent) {
    if (has_parent) {
      state.matched_ = parent.matched_;
    } else {
      state.matched_.assign(words, 0);
    }
  } else if (!has_parent) {
    state.matched_.assign(words, 0);
  }
  if (path.empty()) return false;
  SplitPath split(path);
  bool excluded = false;
  for (size_t i = 0; i < count; ++i) {
    const Prefilter& prefilter = rules.prefilters[i];
    uint64_t bit = uint64_t{1} << (i % 64);
    bool matches = (state.matched_[i / 64] & bit) != 0;
    if (!matches) {
      if (prefilter.exception != excluded || !prefilter.MayMatch(path))
        continue;
      if (!rules.globs[i].Matches(split)) continue;
      state.matched_[i / 64] |= bit;
    }
    excluded = !prefilter.exception;
  }
  return excluded;
}

bool IgnoreMatcher::Excludes(std::string_view path) const {
  State state;
  bool excluded = false;
  SplitPath split(path);
  for (size_t i = 1; i <= split.components().size(); ++i) {
    excluded = Enter(split.Prefix(i), state, state);
  }
  return excluded;
}

bool IgnoreMatcher::CanPrune(std::string_view path) const {
  if (!compiled_->has_exceptions) return true;
  SplitPath split(path);
  for (size_t i = 0; i < compiled_->globs.size(); ++i) {
    if (compiled_->prefilters[i].exception &&
        compiled_->globs[i].MayMatchBelow(split)) {
      return false;
    }
  }
  return true;
}

}  // namespace strake::dockerfile
