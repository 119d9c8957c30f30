// Dockerfile text to `Dockerfile` (Dockerfile reference, whole).
//
//   ParseResult parsed = Parse(text);
//   if (HasErrors(parsed.diagnostics)) {
//     std::cerr << FormatDiagnostics(parsed.diagnostics, "Dockerfile", text);
//     return 1;
//   }
//   for (const Stage& stage : parsed.dockerfile.stages) {
//     for (const Instruction& instruction : stage.instructions) {
//       if (const Run* run = instruction.As<Run>()) ...
//
// Pure: no files, no network, no expansion. Safe to call from any thread.

#ifndef STRAKE_DOCKERFILE_PARSER_H_
#define STRAKE_DOCKERFILE_PARSER_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/diagnostic.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/instruction.h"
#include "util/result.h"

namespace strake::dockerfile {

struct ParseOptions {
  // Takes the place of the `# syntax=` directive (the build argument
  // BUILDKIT_SYNTAX); "dockerfile.v0" means this parser.
  std::optional<std::string> syntax;
};

struct ParseResult {
  Dockerfile dockerfile;
  // In the order of the file. With an error among them (`HasErrors`),
  // `dockerfile` holds what could be read and must not be built.
  std::vector<Diagnostic> diagnostics;
};

// Parses a whole file and reports every mistake in it, not only the first.
ParseResult Parse(std::string_view text, const ParseOptions& options = {});

// Parses one instruction, such as an ONBUILD trigger of a base image; may be
// followed by heredoc bodies. FROM, ONBUILD and MAINTAINER are errors, as is a
// second instruction. Ranges count from the start of `text`.
// Errors: kInvalidArgument with the message and the instruction.
Result<Instruction> ParseTrigger(std::string_view text, char escape = '\\');

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_PARSER_H_
