// Regular expressions with the meaning of Go's package regexp.

#ifndef STRAKE_TASKS_GOTMPL_REGEX_H_
#define STRAKE_TASKS_GOTMPL_REGEX_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::tasks::gotmpl {

class Regex {
 public:
  // `kInvalidArgument` where `pattern` is no expression.
  static Result<Regex> Compile(const std::string& pattern);
  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

  bool Matches(std::string_view text) const;
  // The first match; "" where there is none.
  std::string Find(std::string_view text) const;
  // At most `count` matches, all where it is negative.
  Result<std::vector<std::string>> FindAll(std::string_view text,
                                           int64_t count) const;
  // `replacement` has $1, ${1}, $name, ${name} and $$ for a dollar sign.
  Result<std::string> ReplaceAll(std::string_view text,
                                 std::string_view replacement) const;
  Result<std::string> ReplaceAllLiteral(std::string_view text,
                                        std::string_view replacement) const;
  // The texts between matches, at most `count`, all where it is negative.
  Result<std::vector<std::string>> Split(std::string_view text,
                                         int64_t count) const;

 private:
  struct Program;
  struct Span;
  explicit Regex(std::unique_ptr<const Program> program);
  Result<std::vector<Span>> FindSpans(std::string_view text,
                                      int64_t count) const;
  std::string Expand(std::string_view replacement,
                     const std::vector<std::string_view>& groups) const;
  enum class Dollars { kExpand, kLiteral };
  Result<std::string> Replace(std::string_view text,
                              std::string_view replacement,
                              Dollars dollars) const;

  std::unique_ptr<const Program> program_;
};

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_REGEX_H_
