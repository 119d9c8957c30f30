// Go's constants, as they are written in templates.

#ifndef STRAKE_TASKS_GOTMPL_CONSTANT_H_
#define STRAKE_TASKS_GOTMPL_CONSTANT_H_

#include <optional>
#include <string>
#include <string_view>

#include "tasks/gotmpl/value.h"

namespace strake::tasks::gotmpl {

// What is between the quotes of a Go string or character, `quoted` with both
// of them; nothing where an escape is wrong.
std::optional<std::string> Unquote(std::string_view quoted);

// strconv.ParseInt(text, 0, 64) and ParseFloat(text, 64): prefixes 0x, 0o, 0b
// and 0, underscores between digits, hexadecimal floats.
std::optional<int64_t> ParseGoInt(std::string_view text);
std::optional<double> ParseGoFloat(std::string_view text);

struct NumberConstant {
  Value value;            // an int or a float64
  bool overflow = false;  // an integer that no int can hold
};

// A number or character as written; nothing where it is none.
std::optional<NumberConstant> ParseNumber(std::string_view text);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_CONSTANT_H_
