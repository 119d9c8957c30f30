// The lint rules: names, descriptions, messages (Dockerfile reference, "Build
// checks").
//
// One function per rule makes its diagnostic, so that a rule has the same
// words whoever finds it: `lint.h` for what the parsed file shows,
// `builder/plan` for what only expansion or a base image shows. The functions
// do not ask whether the rule is enabled; `ReportLint` in lint.h does.

#ifndef STRAKE_DOCKERFILE_LINT_RULES_H_
#define STRAKE_DOCKERFILE_LINT_RULES_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/diagnostic.h"
#include "dockerfile/source_range.h"

namespace strake::dockerfile {

enum class RuleLevel {
  kDefault,       // on unless skipped
  kExperimental,  // off unless asked for
};

struct LintRule {
  std::string_view name;         // "StageNameCasing"
  std::string_view description;  // one sentence
  std::string_view url;          // its page in Docker's manual; may be empty
  RuleLevel level = RuleLevel::kDefault;
};

// All rules, in the order of the reference.
std::span<const LintRule> LintRules();
// Ignores case; null for an unknown name.
const LintRule* FindLintRule(std::string_view name);

namespace lint {

Diagnostic StageNameCasing(std::string_view name, SourceRange at);
Diagnostic FromAsCasing(std::string_view from, std::string_view as,
                        SourceRange at);
// `at` is the instruction's last line, `empty_line` the blank one's number.
Diagnostic NoEmptyContinuation(int empty_line, SourceRange at);
Diagnostic ConsistentInstructionCasing(std::string_view keyword,
                                       std::string_view expected_case,
                                       SourceRange at);
Diagnostic DuplicateStageName(std::string_view name, SourceRange at);
Diagnostic ReservedStageName(std::string_view name, SourceRange at);
Diagnostic JsonArgsRecommended(std::string_view instruction, SourceRange at);
Diagnostic MaintainerDeprecated(SourceRange at);
// `known` are the names that could have been meant.
Diagnostic UndefinedArgInFrom(std::string_view name,
                              const std::vector<std::string>& known,
                              SourceRange at);
Diagnostic WorkdirRelativePath(std::string_view path, SourceRange at);
Diagnostic UndefinedVar(std::string_view name,
                        const std::vector<std::string>& known, SourceRange at);
Diagnostic MultipleInstructionsDisallowed(std::string_view instruction,
                                          SourceRange at);
Diagnostic LegacyKeyValueFormat(std::string_view instruction, SourceRange at);
Diagnostic InvalidBaseImagePlatform(std::string_view image,
                                    std::string_view actual,
                                    std::string_view expected, SourceRange at);
Diagnostic RedundantTargetPlatform(std::string_view variable, SourceRange at);
Diagnostic SecretsUsedInArgOrEnv(std::string_view instruction,
                                 std::string_view key, SourceRange at);
// `image` is the reference as written, variables in it.
Diagnostic InvalidDefaultArgInFrom(std::string_view image, SourceRange at);
Diagnostic FromPlatformFlagConstDisallowed(std::string_view platform,
                                           SourceRange at);
// `instruction`: "Copy" or "Add".
Diagnostic CopyIgnoredFile(std::string_view instruction, std::string_view file,
                           SourceRange at);
Diagnostic ExposeProtoCasing(std::string_view port, SourceRange at);
Diagnostic ExposeInvalidFormat(std::string_view port, SourceRange at);
// `kind`: "FROM" or "ARG".
Diagnostic InvalidDefinitionDescription(std::string_view kind,
                                        std::string_view name, SourceRange at);

}  // namespace lint

// Whether the variable name `key` looks as if it held a secret
// (SecretsUsedInArgOrEnv).
bool LooksLikeSecret(std::string_view key);

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_LINT_RULES_H_
