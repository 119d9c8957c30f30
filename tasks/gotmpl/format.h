// Printing as Go's package fmt does.

#ifndef STRAKE_TASKS_GOTMPL_FORMAT_H_
#define STRAKE_TASKS_GOTMPL_FORMAT_H_

#include <string>
#include <string_view>
#include <vector>

#include "tasks/gotmpl/value.h"
#include "util/result.h"

namespace strake::tasks::gotmpl {

// No text longer than this is made.
inline constexpr size_t kMaxText = size_t{16} << 20;

// fmt.Sprint: blanks between two operands that are both no strings. All three
// return `kInvalidArgument` where the text would be longer than `kMaxText` or
// a value is nested deeper than `kMaxNesting`.
Result<std::string> Sprint(const std::vector<Value>& values);
// fmt.Sprintln: blanks between all, a line end behind.
Result<std::string> Sprintln(const std::vector<Value>& values);
// fmt.Sprintf with every verb and flag.
Result<std::string> Sprintf(std::string_view format,
                            const std::vector<Value>& values);

// "%v".
Result<std::string> PrintValue(const Value& value);

// The shortest decimal that is `number`: strconv's format 'g' where
// `scientific_from` is 6 (1e+06, from 10^21 on for JSON, which passes 21),
// exponents below -4
// (-6 for JSON) likewise.
std::string ShortestFloat(double number, int scientific_from,
                          int scientific_below);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_FORMAT_H_
