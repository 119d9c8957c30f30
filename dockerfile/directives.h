// Parser directives: `# syntax=`, `# escape=`, `# check=` at the top of a
// Dockerfile (Dockerfile reference, "Parser directives").

#ifndef STRAKE_DOCKERFILE_DIRECTIVES_H_
#define STRAKE_DOCKERFILE_DIRECTIVES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/diagnostic.h"
#include "dockerfile/source_range.h"

namespace strake::dockerfile {

struct Directives {
  Located syntax;  // the whole value; empty: none
  char escape = '\\';
  Located check;  // the whole value; empty: none; see LintConfig
};

struct DirectivesResult {
  Directives directives;
  // How many lines at the top are directives rather than comments.
  int lines = 0;
  std::vector<Diagnostic> diagnostics;
};

// Reads the directives of the Dockerfile `text`. The first line that is not a
// known directive ends them; after it the same words are ordinary comments.
DirectivesResult ParseDirectives(std::string_view text);

// One directive, as in "# name=value".
struct Directive {
  std::string name;  // lower case
  std::string value;
};

// `line` as a directive, known or not; nothing where it is something else.
//   marker  what introduces it: "#", or "//" for syntax in other languages
std::optional<Directive> ParseDirectiveLine(std::string_view line,
                                            std::string_view marker = "#");

// Whether `syntax`, the value of a syntax directive or of the build argument
// BUILDKIT_SYNTAX, names a language that this parser reads:
// docker/dockerfile and docker/dockerfile-upstream with any tag or digest,
// and "dockerfile.v0", the builder's own.
bool IsKnownSyntax(std::string_view syntax);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_DIRECTIVES_H_
