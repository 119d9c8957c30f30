// A parsed Dockerfile as text: every instruction with its lines and all that
// was understood of it. For golden tests and `strake lint --print`.

#ifndef STRAKE_DOCKERFILE_PRINT_H_
#define STRAKE_DOCKERFILE_PRINT_H_

#include <string>
#include <vector>

#include "dockerfile/dockerfile.h"
#include "dockerfile/instruction.h"
#include "dockerfile/parser.h"

namespace strake::dockerfile {

// One line per instruction, further lines for heredocs and scripts. Strings
// are quoted as in Go; what has its default value is left out. Stable.
std::string Print(const Dockerfile& file);
std::string Print(const Instruction& instruction);

// The file, then the diagnostics, one line each:
// "error 3:1-3:5: unknown instruction: RUNN (did you mean RUN?)".
std::string Print(const ParseResult& result);
std::string Print(const std::vector<Diagnostic>& diagnostics);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_PRINT_H_
