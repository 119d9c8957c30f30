// Where in a template something is, and errors that say so.

#ifndef STRAKE_TASKS_GOTMPL_PLACE_H_
#define STRAKE_TASKS_GOTMPL_PLACE_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::tasks::gotmpl {

// Bytes [begin, end) of the template's text.
struct Range {
  size_t begin = 0;
  size_t end = 0;
};

// The line (from 1) of byte `at`.
int LineOf(std::string_view text, size_t at);

// "<what>: <name>:<line>:<column>: <message>", columns in bytes from 1.
Error PlacedError(std::string_view what, std::string_view name,
                  std::string_view text, size_t at, std::string_view message);

}  // namespace strake::tasks::gotmpl

#endif  // STRAKE_TASKS_GOTMPL_PLACE_H_
