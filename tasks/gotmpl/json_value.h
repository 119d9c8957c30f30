// Between JSON and the values of the template language.

#ifndef STRAKE_TASKS_GOTMPL_JSON_VALUE_H_
#define STRAKE_TASKS_GOTMPL_JSON_VALUE_H_

#include <string>
#include <string_view>

#include "tasks/gotmpl/value.h"
#include "util/result.h"

namespace strake::tasks::gotmpl {

// Whole numbers become ints, others float64. `kInvalidArgument` as ParseJson.
Result<Value> FromJson(std::string_view text);

enum class JsonStyle {
  kCompact,
  kIndented,
  kPlain,  // compact, and "<", ">" and "&" as they are
};

// As Go's encoding/json writes it: keys sorted, "<", ">" and "&" escaped; the
// indented style has two blanks a level. `kInvalidArgument` where a value is
// nested deeper than `kMaxNesting` or the text longer than `kMaxText`.
Result<std::string> ToJson(const Value& value, JsonStyle style);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_JSON_VALUE_H_
