// One pattern of an ignore file, compiled.
//
// Nearly every pattern in use is a list of components, each a literal or a
// simple glob, with `**` standing alone between slashes. Such patterns are
// matched component by component: two comparisons decide most of them, where
// a regular expression costs a hundred times as much. What is left, `a**b`
// and `[...]`, goes to RE2.

#ifndef STRAKE_DOCKERFILE_PATH_GLOB_H_
#define STRAKE_DOCKERFILE_PATH_GLOB_H_

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::dockerfile {

// A path and its components; borrows the path.
class SplitPath {
 public:
  explicit SplitPath(std::string_view path);
  SplitPath(const SplitPath&) = delete;
  SplitPath& operator=(const SplitPath&) = delete;

  std::string_view text() const { return text_; }
  std::span<const std::string_view> components() const {
    return {components_, count_};
  }
  // The path of the first `count` components.
  std::string_view Prefix(size_t count) const;

 private:
  // Paths with more components than the inline buffer holds use the vector.
  static constexpr size_t kInline = 24;
  std::string_view text_;
  std::string_view inline_[kInline];
  std::vector<std::string_view> heap_;
  const std::string_view* components_ = inline_;
  size_t count_ = 0;
};

// Immutable; matching is thread-safe.
class PathGlob {
 public:
  ~PathGlob();
  PathGlob(PathGlob&&) noexcept;
  PathGlob& operator=(PathGlob&&) noexcept;

  // Errors: kInvalidArgument naming the pattern.
  static Result<PathGlob> Compile(std::string_view pattern);

  const std::string& pattern() const { return pattern_; }

  bool Matches(const SplitPath& path) const;

  // The byte that every path it matches begins, or ends, with; nothing where
  // there is no such byte.
  std::optional<char> FirstByte() const;
  std::optional<char> LastByte() const;

  // Whether it may match something below the folder `path` without matching
  // `path` or a folder above it. Never wrongly false.
  bool MayMatchBelow(const SplitPath& path) const;

 private:
  struct Regex;
  // A component: a literal text, or a glob of `*`, `?` and escapes.
  struct Component {
    std::string text;
    bool literal = true;
    // Of a glob: what any match begins and ends with.
    std::string prefix;
    std::string suffix;
    bool Matches(std::string_view name) const;
  };
  enum class Kind { kExact, kSegments, kPrefix, kSuffix, kRegex };

  PathGlob();
  bool MatchesSegments(std::span<const std::string_view> path) const;
  static bool MatchesAt(const std::vector<Component>& segment,
                        std::span<const std::string_view> path, size_t at);
  static Result<Component> CompileComponent(std::string_view text);
  static bool GlobMatches(std::string_view glob, std::string_view name);

  std::string pattern_;
  Kind kind_ = Kind::kExact;
  // kExact, kPrefix, kSuffix: the text. kSegments: what any match ends with.
  std::string literal_;
  // kSegments: what stands between the `**`s. The first is anchored at the
  // start and the last at the end; each of these two may be empty.
  std::vector<std::vector<Component>> segments_;
  std::unique_ptr<Regex> regex_;
};

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_PATH_GLOB_H_
