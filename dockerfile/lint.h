// Build checks over a parsed Dockerfile.
//
//   ASSIGN_OR_RETURN(LintConfig config, LintConfigFor(file, check_build_arg));
//   std::vector<Diagnostic> found = Lint(file, {.config = config});
//
// Pure; safe to call from any thread.

#ifndef STRAKE_DOCKERFILE_LINT_H_
#define STRAKE_DOCKERFILE_LINT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/diagnostic.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/ignore.h"
#include "dockerfile/instruction.h"
#include "dockerfile/lint_rules.h"
#include "util/result.h"

namespace strake::dockerfile {

// Which rules count: the value of a `# check=` directive or of the build
// argument BUILDKIT_DOCKERFILE_CHECK, such as
// "skip=StageNameCasing,FromAsCasing;error=true;experimental=all".
struct LintConfig {
  std::vector<std::string> skip;
  bool skip_all = false;
  std::vector<std::string> experimental;
  bool experimental_all = false;
  bool error = false;  // findings fail the build

  // Errors: kInvalidArgument for an unknown key or a value of the wrong kind.
  // Unknown rule names are kept and match nothing.
  static Result<LintConfig> Parse(std::string_view text);
};

// The configuration for `file`: `build_arg`, where given, takes the place of
// the directive as a whole.
Result<LintConfig> LintConfigFor(const Dockerfile& file,
                                 const std::optional<std::string>& build_arg);

// Whether `rule` counts at `instruction` (null: anywhere), which may carry a
// `# check=` comment of its own.
bool LintEnabled(const LintConfig& config, const Instruction* instruction,
                 std::string_view rule);

// Appends `finding` to `found` if its rule is enabled there.
void ReportLint(const LintConfig& config, const Instruction* instruction,
                Diagnostic finding, std::vector<Diagnostic>& found);

struct LintOptions {
  LintConfig config = {};
  // The stages that are built; rules about what a stage does look only at
  // these. Unset: all.
  std::optional<std::vector<size_t>> stages = {};
};

// The rules that need only the parsed file: all but UndefinedArgInFrom,
// UndefinedVar, WorkdirRelativePath, InvalidDefaultArgInFrom,
// InvalidBaseImagePlatform, CopyIgnoredFile, JSONArgsRecommended (the base
// image may set SHELL), SecretsUsedInArgOrEnv, ExposeProtoCasing and
// ExposeInvalidFormat, which need expanded words. Sorted by place.
std::vector<Diagnostic> Lint(const Dockerfile& file,
                             const LintOptions& options);

// Whether a COPY or ADD of `path`, relative to the context ("" is all of it),
// deserves CopyIgnoredFile. Where `ignore` has exceptions it never does: what
// they bring back cannot be told without looking at the files.
bool CopiesIgnoredFile(const IgnoreMatcher& ignore, std::string_view path);

// "lint violation found for rules: A, B": the error of a build with
// `error=true`; empty where `found` is.
std::string LintFailure(const std::vector<Diagnostic>& found);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_LINT_H_
