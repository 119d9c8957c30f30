// Early return on error. For `.cc` files only: macros in a header would reach
// the programs that embed us.

#ifndef STRAKE_UTIL_RESULT_MACROS_H_
#define STRAKE_UTIL_RESULT_MACROS_H_

#include <utility>

#include "util/result.h"

#define STRAKE_CONCAT_INNER(a, b) a##b
#define STRAKE_CONCAT(a, b) STRAKE_CONCAT_INNER(a, b)

// Returns the error of `expression`, a `Result` of any type, if it has one.
#define RETURN_IF_ERROR(expression)                          \
  do {                                                       \
    if (auto strake_status = (expression); !strake_status) { \
      return std::move(strake_status).error();               \
    }                                                        \
  } while (false)

// `ASSIGN_OR_RETURN(Digest digest, Digest::Parse(text));`
// A type with a comma in it needs parentheses of its own or an alias.
#define ASSIGN_OR_RETURN(declaration, expression)                  \
  STRAKE_ASSIGN_OR_RETURN(STRAKE_CONCAT(strake_result_, __LINE__), \
                          declaration, expression)
#define STRAKE_ASSIGN_OR_RETURN(result, declaration, expression) \
  auto result = (expression);                                    \
  if (!result) return std::move(result).error();                 \
  declaration = std::move(result).value()

#endif  // STRAKE_UTIL_RESULT_MACROS_H_
