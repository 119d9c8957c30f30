// The modes of COPY and ADD --chmod: octal, or symbolic as chmod(1) reads them.

#ifndef STRAKE_BUILDER_PLAN_CHMOD_H_
#define STRAKE_BUILDER_PLAN_CHMOD_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::builder::plan {

class Chmod {
 public:
  // `0755`, `u=rwX,go=rX`, `a-w`, `go=u`, `+x` (no umask applies).
  // Errors: kInvalidArgument.
  static Result<Chmod> Parse(std::string_view text);

  // The permission bits that a file with `mode` (type and permission bits) gets
  // instead of its own.
  uint32_t Apply(uint32_t mode) const;

  // Nothing where the mode is symbolic.
  std::optional<uint32_t> octal() const { return octal_; }

 private:
  struct Step {
    char op = '=';            // + - =
    uint32_t who = 0;         // the bits that may change
    uint32_t bits = 0;        // to add, remove or set
    bool execute_if = false;  // X: execution, too, under its condition
    std::string copy;         // u, g, o: the bits that these have by then
  };
  Status ParseClause(std::string_view text, std::string_view clause);

  std::optional<uint32_t> octal_;
  std::vector<Step> steps_;
};

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_CHMOD_H_
