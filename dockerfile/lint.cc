#include "dockerfile/lint.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "dockerfile/expand.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> SplitNames(std::string_view text) {
  std::vector<std::string> names;
  for (std::string_view piece : Split(text, ',')) {
    piece = Trim(piece);
    if (!piece.empty()) names.emplace_back(piece);
  }
  return names;
}

Result<bool> ParseBool(std::string_view text, std::string_view option) {
  for (std::string_view word : {"1", "t", "T", "true", "TRUE", "True"}) {
    if (text == word) return true;
  }
  for (std::string_view word : {"0", "f", "F", "false", "FALSE", "False"}) {
    if (text == word) return false;
  }
  return InvalidArgument("failed to parse check option " + GoQuote(option) +
                         ": " + GoQuote(text) + " is neither true nor false");
}

bool IsLower(std::string_view word) { return ToLower(word) == word; }
bool IsUpper(std::string_view word) { return ToUpper(word) == word; }

bool IsCheckComment(std::string_view comment) {
  auto directive = ParseDirectiveLine("#" + std::string(comment));
  return directive && directive->name == "check";
}

constexpr std::string_view kTargetPlatform = "TARGETPLATFORM";

// Whether a stage's name says which platform it is for: it then means a
// constant platform to be one.
bool NamesPlatform(std::string_view stage, std::string_view platform) {
  static const auto& aliases = *new std::map<std::string, std::string>{
      {"x86_64", "amd64"}, {"x86-64", "amd64"}, {"aarch64", "arm64"},
      {"i386", "386"},     {"armhf", "arm"},    {"armel", "arm"}};
  std::vector<std::string_view> parts = Split(platform, '/');
  // An architecture alone is one of Linux.
  if (parts.size() == 1) parts.push_back("linux");
  for (size_t i = 0; i < std::min<size_t>(parts.size(), 2); ++i) {
    std::string part = ToLower(parts[i]);
    if (auto alias = aliases.find(part); alias != aliases.end()) {
      part = alias->second;
    }
    if (stage.find(part) != std::string_view::npos) return true;
  }
  return false;
}

// What the rules share: where findings go, and which of them count.
class Linter {
 public:
  Linter(const Dockerfile& file, const LintOptions& options)
      : file_(file), options_(options) {}

  std::vector<Diagnostic> Run();

 private:
  void Report(const Instruction* instruction, Diagnostic finding) {
    ReportLint(options_.config, instruction, std::move(finding), found_);
  }
  bool IsBuilt(size_t stage) const {
    return !options_.stages ||
           std::find(options_.stages->begin(), options_.stages->end(), stage) !=
               options_.stages->end();
  }
  template <typename Visit>
  void ForEachInstruction(Visit visit) const;

  void CheckContinuations();
  void CheckKeywordCasing();
  void CheckStageNames();
  void CheckFrom(const Stage& stage);
  void CheckPlatform(const Stage& stage);
  void CheckDescriptions(const Instruction& instruction);
  void CheckMaintainer(const Instruction& instruction);
  void CheckLegacyPairs(const Instruction& instruction);
  void CheckUsedOnce(const Stage& stage);

  const Dockerfile& file_;
  const LintOptions& options_;
  std::vector<Diagnostic> found_;
};

template <typename Visit>
void Linter::ForEachInstruction(Visit visit) const {
  for (const Stage& stage : file_.stages) {
    visit(stage.from);
    for (const Instruction& instruction : stage.instructions) {
      visit(instruction);
    }
  }
}

void Linter::CheckContinuations() {
  for (const EmptyContinuation& empty : file_.empty_continuations) {
    Report(nullptr,
           lint::NoEmptyContinuation(empty.empty_line, empty.last_line));
  }
}

void Linter::CheckKeywordCasing() {
  size_t lower = 0, upper = 0;
  ForEachInstruction([&](const Instruction& instruction) {
    if (IsLower(instruction.keyword)) {
      ++lower;
    } else if (IsUpper(instruction.keyword)) {
      ++upper;
    }
  });
  bool expect_lower = lower > upper;
  ForEachInstruction([&](const Instruction& instruction) {
    const std::string& keyword = instruction.keyword;
    if (expect_lower ? IsLower(keyword) : IsUpper(keyword)) return;
    Report(&instruction, lint::ConsistentInstructionCasing(
                             keyword, expect_lower ? "lowercase" : "uppercase",
                             instruction.range));
  });
}

void Linter::CheckStageNames() {
  std::set<std::string> names;
  for (const Stage& stage : file_.stages) {
    if (stage.name.empty()) continue;
    SourceRange at = stage.from.range;
    if (stage.name == "scratch" || stage.name == "context") {
      Report(&stage.from, lint::ReservedStageName(stage.name, at));
    }
    if (!names.insert(stage.name).second) {
      Report(&stage.from, lint::DuplicateStageName(stage.name, at));
    }
  }
}

void Linter::CheckFrom(const Stage& stage) {
  const From& from = stage.base();
  const Instruction& instruction = stage.from;
  if (!from.name) return;
  if (!IsLower(from.name->text)) {
    Report(&instruction,
           lint::StageNameCasing(from.name->text, instruction.range));
  }
  // A FROM of mixed case is reported by ConsistentInstructionCasing alone.
  bool lower = IsLower(instruction.keyword);
  bool upper = IsUpper(instruction.keyword);
  bool differs = (lower && !IsLower(from.as_keyword)) ||
                 (upper && !IsUpper(from.as_keyword));
  if (differs) {
    Report(&instruction,
           lint::FromAsCasing(instruction.keyword, from.as_keyword,
                              instruction.range));
  }
}

void Linter::CheckPlatform(const Stage& stage) {
  const From& from = stage.base();
  if (!from.platform) return;
  const std::string& platform = from.platform->text;
  SourceRange at = stage.from.range;
  auto expanded = ExpandWord(
      platform,
      [](std::string_view name) -> std::optional<std::string> {
        if (name == kTargetPlatform) return std::string(kTargetPlatform);
        return {};
      },
      file_.directives.escape);
  if (!expanded) return;
  if (expanded->matched.empty() && expanded->unmatched.empty()) {
    if (!NamesPlatform(stage.name, expanded->text)) {
      Report(&stage.from,
             lint::FromPlatformFlagConstDisallowed(expanded->text, at));
    }
  } else if (expanded->unmatched.empty() && expanded->text == kTargetPlatform) {
    Report(&stage.from, lint::RedundantTargetPlatform(platform, at));
  }
}

void Linter::CheckDescriptions(const Instruction& instruction) {
  auto comment =
      std::find_if(instruction.comments.rbegin(), instruction.comments.rend(),
                   [](const Located& c) { return !IsCheckComment(c.text); });
  if (comment == instruction.comments.rend()) return;
  std::vector<std::string> names;
  std::string_view kind = "ARG";
  if (const From* from = instruction.As<From>()) {
    if (!from->name) return;
    kind = "FROM";
    names.push_back(ToLower(from->name->text));
  } else if (const Arg* arg = instruction.As<Arg>()) {
    for (const Arg::Entry& entry : arg->entries) names.push_back(entry.key);
  }
  if (names.empty()) return;
  std::string_view text = comment->text;
  if (Contains(names, text.substr(0, text.find(' ')))) return;
  Report(&instruction, lint::InvalidDefinitionDescription(
                           kind, names.size() > 1 ? "<arg_key>" : names[0],
                           instruction.range));
}

void Linter::CheckMaintainer(const Instruction& instruction) {
  if (instruction.As<Maintainer>() == nullptr) return;
  Report(&instruction, lint::MaintainerDeprecated(instruction.range));
}

void Linter::CheckLegacyPairs(const Instruction& instruction) {
  const Env* env = instruction.As<Env>();
  const Label* label = instruction.As<Label>();
  bool legacy = (env != nullptr && env->legacy_form) ||
                (label != nullptr && label->legacy_form);
  if (!legacy) return;
  Report(&instruction,
         lint::LegacyKeyValueFormat(instruction.keyword, instruction.range));
}

void Linter::CheckUsedOnce(const Stage& stage) {
  std::map<size_t, const Instruction*> last;
  for (const Instruction& instruction : stage.instructions) {
    bool once = instruction.As<Cmd>() != nullptr ||
                instruction.As<Entrypoint>() != nullptr ||
                instruction.As<Healthcheck>() != nullptr;
    if (!once) continue;
    const Instruction*& earlier = last[instruction.body.index()];
    if (earlier != nullptr) {
      // It is the earlier one that has no effect. Named as the later one is.
      Report(earlier, lint::MultipleInstructionsDisallowed(instruction.keyword,
                                                           earlier->range));
    }
    earlier = &instruction;
  }
}

std::vector<Diagnostic> Linter::Run() {
  CheckContinuations();
  CheckKeywordCasing();
  CheckStageNames();
  for (const Instruction& arg : file_.global_args) CheckDescriptions(arg);
  for (size_t i = 0; i < file_.stages.size(); ++i) {
    const Stage& stage = file_.stages[i];
    CheckFrom(stage);
    CheckPlatform(stage);
    CheckDescriptions(stage.from);
    for (const Instruction& instruction : stage.instructions) {
      CheckDescriptions(instruction);
      CheckMaintainer(instruction);
      if (IsBuilt(i)) CheckLegacyPairs(instruction);
    }
    if (IsBuilt(i)) CheckUsedOnce(stage);
  }
  SortByPlace(found_);
  return std::move(found_);
}

}  // namespace

Result<LintConfig> LintConfig::Parse(std::string_view text) {
  LintConfig config;
  text = Trim(text);
  if (text.empty()) return config;
  for (std::string_view option : Split(text, ';')) {
    auto pair = SplitOnce(option, '=');
    if (!pair) {
      return InvalidArgument("invalid check option " + GoQuote(option));
    }
    std::string_view key = Trim(pair->first), value = Trim(pair->second);
    if (key == "skip") {
      config.skip_all = value == "all";
      if (value != "all") config.skip = SplitNames(value);
    } else if (key == "experimental") {
      config.experimental_all = value == "all";
      if (value != "all") config.experimental = SplitNames(value);
    } else if (key == "error") {
      ASSIGN_OR_RETURN(config.error, ParseBool(value, option));
    } else {
      return InvalidArgument("invalid check option " + GoQuote(key) +
                             ": skip, error and experimental exist");
    }
  }
  return config;
}

Result<LintConfig> LintConfigFor(const Dockerfile& file,
                                 const std::optional<std::string>& build_arg) {
  return LintConfig::Parse(build_arg ? *build_arg : file.directives.check.text);
}

bool LintEnabled(const LintConfig& config, const Instruction* instruction,
                 std::string_view rule) {
  const InstructionChecks none;
  const InstructionChecks& local =
      instruction != nullptr ? instruction->checks : none;
  const LintRule* known = FindLintRule(rule);
  if (known != nullptr && known->level == RuleLevel::kExperimental) {
    bool wanted = config.experimental_all || local.experimental_all ||
                  Contains(config.experimental, rule) ||
                  Contains(local.experimental, rule);
    if (!wanted) return false;
  }
  return !config.skip_all && !local.skip_all && !Contains(config.skip, rule) &&
         !Contains(local.skip, rule);
}

void ReportLint(const LintConfig& config, const Instruction* instruction,
                Diagnostic finding, std::vector<Diagnostic>& found) {
  if (LintEnabled(config, instruction, finding.rule)) {
    found.push_back(std::move(finding));
  }
}

std::vector<Diagnostic> Lint(const Dockerfile& file,
                             const LintOptions& options) {
  return Linter(file, options).Run();
}

bool CopiesIgnoredFile(const IgnoreMatcher& ignore, std::string_view path) {
  if (ignore.has_exceptions()) return false;
  if (!path.empty()) return ignore.Excludes(path);
  // The root itself is never excluded, but all that is in it may be.
  const std::vector<std::string>& patterns = ignore.patterns();
  return std::any_of(
      patterns.begin(), patterns.end(), [](const std::string& pattern) {
        return pattern == "*" || pattern == "**" || pattern == "**/*";
      });
}

std::string LintFailure(const std::vector<Diagnostic>& found) {
  std::set<std::string> rules;
  for (const Diagnostic& finding : found) {
    if (!finding.rule.empty()) rules.insert(finding.rule);
  }
  if (rules.empty()) return {};
  return "lint violation found for rules: " +
         Join(std::vector<std::string>(rules.begin(), rules.end()), ", ");
}

}  // namespace strake::dockerfile
