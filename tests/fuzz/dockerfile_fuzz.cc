// Any bytes as a Dockerfile: parsing, printing, checking and showing must end,
// agree with themselves and stay within the file.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dockerfile/lint.h"
#include "dockerfile/outline.h"
#include "dockerfile/parser.h"
#include "dockerfile/print.h"

namespace strake::dockerfile {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckRange(const SourceRange& range, int lines) {
  if (!range.known()) return;
  Require(range.start_line <= range.end_line && range.end_line <= lines);
  Require(range.start_column >= 1 && range.end_column >= 1);
  Require(range.start_line < range.end_line ||
          range.start_column <= range.end_column);
}

void CheckInstruction(const Instruction& instruction, int lines) {
  CheckRange(instruction.range, lines);
  if (const Onbuild* onbuild = instruction.As<Onbuild>()) {
    auto trigger = ParseTrigger(onbuild->trigger);
    if (trigger) Print(*trigger);
  }
}

void FuzzDockerfile(std::string_view text) {
  ParseResult result = Parse(text);
  Require(Print(Parse(text)) == Print(result));
  int lines = 2;
  for (char c : text) lines += c == '\n' ? 1 : 0;
  for (const Diagnostic& diagnostic : result.diagnostics) {
    Require(!diagnostic.message.empty());
    CheckRange(diagnostic.range, lines);
  }
  FormatDiagnostics(result.diagnostics, "Dockerfile", text);
  const Dockerfile& file = result.dockerfile;
  for (const Stage& stage : file.stages) {
    CheckInstruction(stage.from, lines);
    for (const Instruction& instruction : stage.instructions) {
      CheckInstruction(instruction, lines);
    }
  }
  Require(HasErrors(result.diagnostics) || !file.stages.empty());
  FormatDiagnostics(Lint(file, {}), "Dockerfile", text);
  TargetsJson(ListTargets(file), text);
  for (size_t i = 0; i < file.stages.size() && i < 4; ++i) {
    OutlineJson(MakeOutline(file, i), text);
  }
}

}  // namespace
}  // namespace strake::dockerfile

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strake::dockerfile::FuzzDockerfile(
      {reinterpret_cast<const char*>(data), size});
  return 0;
}
