// One conversion of Go's package fmt ("%-8.3f") of one value that is neither
// a list nor a dict.

#ifndef STRAKE_TASKS_GOTMPL_FORMAT_NUMBER_H_
#define STRAKE_TASKS_GOTMPL_FORMAT_NUMBER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strake::tasks::gotmpl {

struct Conversion {
  bool sharp = false;
  bool zero = false;
  bool plus = false;
  bool minus = false;
  bool space = false;
  std::optional<int> width;
  std::optional<int> precision;
  char32_t verb = 'v';
};

// `text` filled up to the width.
std::string Pad(std::string_view text, const Conversion& how);

// Nothing where the verb does not fit.
std::optional<std::string> FormatInteger(int64_t number, const Conversion& how);
std::optional<std::string> FormatFloat(double number, const Conversion& how);
std::optional<std::string> FormatString(std::string_view text,
                                        const Conversion& how);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_FORMAT_NUMBER_H_
