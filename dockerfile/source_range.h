// Where something stands in a Dockerfile.
//
// Lines and columns count from 1; columns count bytes. A value type.

#ifndef STRAKE_DOCKERFILE_SOURCE_RANGE_H_
#define STRAKE_DOCKERFILE_SOURCE_RANGE_H_

#include <string>

namespace strake::dockerfile {

// From the first byte to just behind the last one: `end_column` is one past
// the last byte on `end_line`. All zero where the place is unknown.
struct SourceRange {
  int start_line = 0;
  int start_column = 0;
  int end_line = 0;
  int end_column = 0;

  bool known() const { return start_line > 0; }
  friend bool operator==(const SourceRange&, const SourceRange&) = default;
};

// A piece of text and where it was written.
struct Located {
  std::string text;
  SourceRange range;
  friend bool operator==(const Located&, const Located&) = default;
};

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_SOURCE_RANGE_H_
