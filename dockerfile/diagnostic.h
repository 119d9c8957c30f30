// What is wrong, or doubtful, in a Dockerfile, and how it is shown.
//
// Mistakes in a Dockerfile are values rather than errors, so that one pass
// reports all of them. Made by the parser, the lints and `builder/plan`.

#ifndef STRAKE_DOCKERFILE_DIAGNOSTIC_H_
#define STRAKE_DOCKERFILE_DIAGNOSTIC_H_

#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/source_range.h"

namespace strake::dockerfile {

enum class Severity { kError, kWarning };

struct Diagnostic {
  Severity severity = Severity::kError;
  std::string rule;     // the lint rule's name; empty for anything else
  std::string message;  // one sentence, no final full stop
  SourceRange range;
  std::string hint;  // what to do about it; may be empty
};

// An error at `range`.
Diagnostic MakeError(std::string message, SourceRange range,
                     std::string hint = {});

bool HasErrors(const std::vector<Diagnostic>& diagnostics);

// By line, then column; equal places keep their order.
void SortByPlace(std::vector<Diagnostic>& diagnostics);

// The message, where it is, the line it is about with a caret, and the hint:
//
//   error: FROM requires either one or three arguments
//   --> Dockerfile:3:6
//    |
//   3 | FROM alpine base
//    |      ^^^^^^^^^^^
//    = hint: write FROM image, or FROM image AS name
//
//   filename     as the user knows the file
//   source_text  the whole Dockerfile; a range outside of it is shown without
//                the source line
// Ends with a newline.
std::string FormatDiagnostic(const Diagnostic& diagnostic,
                             std::string_view filename,
                             std::string_view source_text);

// Several in one go, with an empty line between them.
std::string FormatDiagnostics(const std::vector<Diagnostic>& diagnostics,
                              std::string_view filename,
                              std::string_view source_text);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_DIAGNOSTIC_H_
