#include "dockerfile/lint_rules.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "util/strings.h"
#include "util/suggest.h"

namespace strake::dockerfile {
namespace {

#define STRAKE_RULE_URL(page) "https://docs.docker.com/go/dockerfile/rule/" page

constexpr std::array<LintRule, 22> kRules = {{
    {"StageNameCasing", "Stage names should be lowercase",
     STRAKE_RULE_URL("stage-name-casing/"), RuleLevel::kDefault},
    {"FromAsCasing",
     "The 'as' keyword should match the case of the 'from' keyword",
     STRAKE_RULE_URL("from-as-casing/"), RuleLevel::kDefault},
    {"NoEmptyContinuation",
     "Empty continuation lines will become errors in a future release",
     STRAKE_RULE_URL("no-empty-continuation/"), RuleLevel::kDefault},
    {"ConsistentInstructionCasing",
     "All commands within the Dockerfile should use the same casing (either "
     "upper or lower)",
     STRAKE_RULE_URL("consistent-instruction-casing/"), RuleLevel::kDefault},
    {"DuplicateStageName", "Stage names should be unique",
     STRAKE_RULE_URL("duplicate-stage-name/"), RuleLevel::kDefault},
    {"ReservedStageName", "Reserved words should not be used as stage names",
     STRAKE_RULE_URL("reserved-stage-name/"), RuleLevel::kDefault},
    {"JSONArgsRecommended",
     "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended "
     "behavior related to OS signals",
     STRAKE_RULE_URL("json-args-recommended/"), RuleLevel::kDefault},
    {"MaintainerDeprecated",
     "The MAINTAINER instruction is deprecated, use a label instead to define "
     "an image author",
     STRAKE_RULE_URL("maintainer-deprecated/"), RuleLevel::kDefault},
    {"UndefinedArgInFrom", "FROM command must use declared ARGs",
     STRAKE_RULE_URL("undefined-arg-in-from/"), RuleLevel::kDefault},
    {"WorkdirRelativePath",
     "Relative workdir without an absolute workdir declared within the build "
     "can have unexpected results if the base image changes",
     STRAKE_RULE_URL("workdir-relative-path/"), RuleLevel::kDefault},
    {"UndefinedVar", "Variables should be defined before their use",
     STRAKE_RULE_URL("undefined-var/"), RuleLevel::kDefault},
    {"MultipleInstructionsDisallowed",
     "Multiple instructions of the same type should not be used in the same "
     "stage",
     STRAKE_RULE_URL("multiple-instructions-disallowed/"), RuleLevel::kDefault},
    {"LegacyKeyValueFormat",
     "Legacy key/value format with whitespace separator should not be used",
     STRAKE_RULE_URL("legacy-key-value-format/"), RuleLevel::kDefault},
    {"InvalidBaseImagePlatform",
     "Base image platform does not match expected target platform", "",
     RuleLevel::kDefault},
    {"RedundantTargetPlatform",
     "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as "
     "this is the default behavior",
     STRAKE_RULE_URL("redundant-target-platform/"), RuleLevel::kDefault},
    {"SecretsUsedInArgOrEnv",
     "Sensitive data should not be used in the ARG or ENV commands",
     STRAKE_RULE_URL("secrets-used-in-arg-or-env/"), RuleLevel::kDefault},
    {"InvalidDefaultArgInFrom",
     "Default value for global ARG results in an empty or invalid base image "
     "name",
     STRAKE_RULE_URL("invalid-default-arg-in-from/"), RuleLevel::kDefault},
    {"FromPlatformFlagConstDisallowed",
     "FROM --platform flag should not use a constant value",
     STRAKE_RULE_URL("from-platform-flag-const-disallowed/"),
     RuleLevel::kDefault},
    {"CopyIgnoredFile",
     "Attempting to Copy file that is excluded by .dockerignore",
     STRAKE_RULE_URL("copy-ignored-file/"), RuleLevel::kDefault},
    {"ExposeProtoCasing", "Protocol in EXPOSE instruction should be lowercase",
     STRAKE_RULE_URL("expose-proto-casing/"), RuleLevel::kDefault},
    {"ExposeInvalidFormat",
     "IP address and host-port mapping should not be used in EXPOSE "
     "instruction. This will become an error in a future release",
     STRAKE_RULE_URL("expose-invalid-format/"), RuleLevel::kDefault},
    {"InvalidDefinitionDescription",
     "Comment for build stage or argument should follow the format: `# "
     "<arg/stage name> <description>`. If this is not intended to be a "
     "description comment, add an empty line or comment between the "
     "instruction and the comment.",
     STRAKE_RULE_URL("invalid-definition-description/"),
     RuleLevel::kExperimental},
}};

#undef STRAKE_RULE_URL

Diagnostic Finding(std::string_view rule, std::string message, SourceRange at,
                   std::string hint = {}) {
  return {.severity = Severity::kWarning,
          .rule = std::string(rule),
          .message = std::move(message),
          .range = at,
          .hint = std::move(hint)};
}

std::string Str(std::string_view text) { return std::string(text); }

}  // namespace

std::span<const LintRule> LintRules() { return kRules; }

const LintRule* FindLintRule(std::string_view name) {
  auto rule = std::find_if(kRules.begin(), kRules.end(), [&](const auto& r) {
    return EqualsIgnoreCase(r.name, name);
  });
  return rule == kRules.end() ? nullptr : &*rule;
}

namespace lint {

Diagnostic StageNameCasing(std::string_view name, SourceRange at) {
  return Finding("StageNameCasing",
                 "Stage name '" + Str(name) + "' should be lowercase", at);
}

Diagnostic FromAsCasing(std::string_view from, std::string_view as,
                        SourceRange at) {
  return Finding(
      "FromAsCasing",
      "'" + Str(as) + "' and '" + Str(from) + "' keywords' casing do not match",
      at);
}

Diagnostic NoEmptyContinuation(int empty_line, SourceRange at) {
  return Finding("NoEmptyContinuation", "Empty continuation line", at,
                 "line " + std::to_string(empty_line) +
                     " is empty: remove it, or make it a comment");
}

Diagnostic ConsistentInstructionCasing(std::string_view keyword,
                                       std::string_view expected_case,
                                       SourceRange at) {
  return Finding("ConsistentInstructionCasing",
                 "Command '" + Str(keyword) +
                     "' should match the case of the command majority (" +
                     Str(expected_case) + ")",
                 at);
}

Diagnostic DuplicateStageName(std::string_view name, SourceRange at) {
  return Finding("DuplicateStageName",
                 "Duplicate stage name " + GoQuote(name) +
                     ", stage names should be unique",
                 at);
}

Diagnostic ReservedStageName(std::string_view name, SourceRange at) {
  return Finding("ReservedStageName",
                 "Stage name should not use the same name as reserved stage " +
                     GoQuote(name),
                 at);
}

Diagnostic JsonArgsRecommended(std::string_view instruction, SourceRange at) {
  return Finding("JSONArgsRecommended",
                 "JSON arguments recommended for " + Str(instruction) +
                     " to prevent unintended behavior related to OS signals",
                 at);
}

Diagnostic MaintainerDeprecated(SourceRange at) {
  return Finding("MaintainerDeprecated",
                 "Maintainer instruction is deprecated in favor of using label",
                 at, "LABEL org.opencontainers.image.authors=...");
}

Diagnostic UndefinedArgInFrom(std::string_view name,
                              const std::vector<std::string>& known,
                              SourceRange at) {
  return Finding("UndefinedArgInFrom",
                 "FROM argument '" + Str(name) + "' is not declared" +
                     DidYouMean(name, known),
                 at);
}

Diagnostic WorkdirRelativePath(std::string_view path, SourceRange at) {
  return Finding("WorkdirRelativePath",
                 "Relative workdir " + GoQuote(path) +
                     " can have unexpected results if the base image changes",
                 at);
}

Diagnostic UndefinedVar(std::string_view name,
                        const std::vector<std::string>& known, SourceRange at) {
  auto suggestion = Suggest(name, known);
  return Finding(
      "UndefinedVar",
      "Usage of undefined variable '$" + Str(name) + "'" +
          (suggestion ? " (did you mean $" + *suggestion + "?)" : ""),
      at);
}

Diagnostic MultipleInstructionsDisallowed(std::string_view instruction,
                                          SourceRange at) {
  return Finding("MultipleInstructionsDisallowed",
                 "Multiple " + Str(instruction) +
                     " instructions should not be used in the same stage "
                     "because only the last one will be used",
                 at);
}

Diagnostic LegacyKeyValueFormat(std::string_view instruction, SourceRange at) {
  return Finding("LegacyKeyValueFormat",
                 "\"" + Str(instruction) +
                     " key=value\" should be used instead of legacy \"" +
                     Str(instruction) + " key value\" format",
                 at);
}

Diagnostic InvalidBaseImagePlatform(std::string_view image,
                                    std::string_view actual,
                                    std::string_view expected, SourceRange at) {
  return Finding("InvalidBaseImagePlatform",
                 "Base image " + Str(image) + " was pulled with platform " +
                     GoQuote(actual) + ", expected " + GoQuote(expected) +
                     " for current build",
                 at);
}

Diagnostic RedundantTargetPlatform(std::string_view variable, SourceRange at) {
  return Finding("RedundantTargetPlatform",
                 "Setting platform to predefined " + Str(variable) +
                     " in FROM is redundant as this is the default behavior",
                 at);
}

Diagnostic SecretsUsedInArgOrEnv(std::string_view instruction,
                                 std::string_view key, SourceRange at) {
  return Finding("SecretsUsedInArgOrEnv",
                 "Do not use ARG or ENV instructions for sensitive data (" +
                     Str(instruction) + " " + GoQuote(key) + ")",
                 at, "RUN --mount=type=secret leaves nothing in the image");
}

Diagnostic InvalidDefaultArgInFrom(std::string_view image, SourceRange at) {
  return Finding("InvalidDefaultArgInFrom",
                 "Default value for ARG " + Str(image) +
                     " results in empty or invalid base image name",
                 at);
}

Diagnostic FromPlatformFlagConstDisallowed(std::string_view platform,
                                           SourceRange at) {
  return Finding(
      "FromPlatformFlagConstDisallowed",
      "FROM --platform flag should not use constant value " + GoQuote(platform),
      at);
}

Diagnostic CopyIgnoredFile(std::string_view instruction, std::string_view file,
                           SourceRange at) {
  return Finding("CopyIgnoredFile",
                 "Attempting to " + Str(instruction) + " file " +
                     GoQuote(file) + " that is excluded by .dockerignore",
                 at);
}

Diagnostic ExposeProtoCasing(std::string_view port, SourceRange at) {
  return Finding("ExposeProtoCasing",
                 "Defined protocol '" + Str(port) +
                     "' in EXPOSE instruction should be lowercase",
                 at);
}

Diagnostic ExposeInvalidFormat(std::string_view port, SourceRange at) {
  return Finding("ExposeInvalidFormat",
                 "EXPOSE instruction should not define an IP address or "
                 "host-port mapping, found '" +
                     Str(port) + "'",
                 at);
}

Diagnostic InvalidDefinitionDescription(std::string_view kind,
                                        std::string_view name, SourceRange at) {
  return Finding("InvalidDefinitionDescription",
                 "Comment for " + Str(kind) + " should follow the format: `# " +
                     Str(name) + " <description>`",
                 at,
                 "put an empty line between the comment and the instruction if "
                 "it is no description");
}

}  // namespace lint

bool LooksLikeSecret(std::string_view key) {
  static const re2::RE2& secret = *new re2::RE2(
      "(?i)(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|"
      "passwd|secret|token)(?:_|$)");
  static const re2::RE2& harmless =
      *new re2::RE2("(?i)(?:_|^)(?:public|file|version)(?:_|$)");
  re2::StringPiece piece(key.data(), key.size());
  return re2::RE2::PartialMatch(piece, secret) &&
         !re2::RE2::PartialMatch(piece, harmless);
}

}  // namespace strake::dockerfile
