// `.dockerignore` files and the patterns of COPY --exclude (Dockerfile
// reference, ".dockerignore file").
//
// Patterns are anchored at the root. `*` and `?` stop at "/", `**` does not,
// `!` re-includes, the last match wins, and a pattern that matches a folder
// matches all below it. A compiled matcher is immutable and may be shared by
// threads.

#ifndef STRAKE_DOCKERFILE_IGNORE_H_
#define STRAKE_DOCKERFILE_IGNORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::dockerfile {

// The patterns in an ignore file: comments and blank lines dropped, blanks
// around patterns trimmed, paths cleaned, a leading "/" removed.
std::vector<std::string> ReadIgnoreFile(std::string_view text);

class IgnoreMatcher {
 public:
  // What one path matched, pattern by pattern; children start from it, so a
  // walk matches every path segment once. Opaque, cheap to move.
  class State {
   public:
    State() = default;

   private:
    friend class IgnoreMatcher;
    std::vector<uint64_t> matched_;  // bit i: pattern i matched it or a parent
  };

  // Excludes nothing.
  IgnoreMatcher();
  ~IgnoreMatcher();
  IgnoreMatcher(IgnoreMatcher&&) noexcept;
  IgnoreMatcher& operator=(IgnoreMatcher&&) noexcept;
  IgnoreMatcher(const IgnoreMatcher&);
  IgnoreMatcher& operator=(const IgnoreMatcher&);

  // Compiles `patterns`, as from ReadIgnoreFile or --exclude flags.
  // Errors: kInvalidArgument naming the pattern ("!" alone, bad glob).
  static Result<IgnoreMatcher> Compile(
      const std::vector<std::string>& patterns);

  // Whether nothing can be excluded.
  bool empty() const;
  // Whether there is any `!` pattern.
  bool has_exceptions() const;
  const std::vector<std::string>& patterns() const;

  // Whether `path` is excluded, by itself or through a parent folder. For
  // single questions; walks use `Enter`.
  //   path  relative to the root, clean, "/" between names; "" is the root,
  //         which is never excluded
  bool Excludes(std::string_view path) const;

  // One step of a walk: whether `path` is excluded, given its parent folder's
  // state; fills `state` for its own children.
  //   parent  of the folder that holds `path`; State() for the root
  //   state   may be `parent` itself
  bool Enter(std::string_view path, const State& parent, State& state) const;

  // Whether nothing below the folder `path`, itself excluded, can be included
  // again, so that a walk need not enter it.
  bool CanPrune(std::string_view path) const;

 private:
  struct Compiled;
  std::shared_ptr<const Compiled> compiled_;
};

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_IGNORE_H_
