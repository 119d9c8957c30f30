#include "dockerfile/parser.h"

#include <algorithm>
#include <utility>

#include "dockerfile/instruction_parser.h"
#include "dockerfile/lexer.h"
#include "dockerfile/lint.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::dockerfile {
namespace {

// Says so where `checks` names rules that do not exist.
void WarnOfUnknownRules(const LintConfig& config, SourceRange range,
                        std::vector<Diagnostic>& diagnostics) {
  std::vector<std::string> known;
  for (const LintRule& rule : LintRules()) known.emplace_back(rule.name);
  for (const auto* names : {&config.skip, &config.experimental}) {
    for (const std::string& name : *names) {
      if (std::find(known.begin(), known.end(), name) != known.end()) continue;
      diagnostics.push_back({.severity = Severity::kWarning,
                             .rule = {},
                             .message = "there is no check called " +
                                        GoQuote(name) + DidYouMean(name, known),
                             .range = range,
                             .hint = {}});
    }
  }
}

// The `# check=` among the comments above an instruction; the first counts.
InstructionChecks ReadChecks(const std::vector<Located>& comments,
                             std::vector<Diagnostic>& diagnostics) {
  for (const Located& comment : comments) {
    auto directive = ParseDirectiveLine("#" + comment.text);
    if (!directive || directive->name != "check") continue;
    auto config = LintConfig::Parse(directive->value);
    if (!config) {
      diagnostics.push_back({.severity = Severity::kWarning,
                             .rule = {},
                             .message = config.error().message(),
                             .range = comment.range,
                             .hint = "this comment has no effect"});
      return {};
    }
    WarnOfUnknownRules(*config, comment.range, diagnostics);
    return {.skip = std::move(config->skip),
            .skip_all = config->skip_all,
            .experimental = std::move(config->experimental),
            .experimental_all = config->experimental_all};
  }
  return {};
}

// Reads instruction after instruction from a lexer.
class InstructionReader {
 public:
  InstructionReader(Lexer& lexer, char escape,
                    std::vector<Diagnostic>& diagnostics)
      : lexer_(lexer), escape_(escape), diagnostics_(diagnostics) {}

  enum class Outcome { kInstruction, kMistake, kEnd };
  // The next one in `instruction`; its keyword and place also where it is a
  // mistake.
  Outcome Next(Instruction& instruction);

  std::vector<EmptyContinuation>& empty_continuations() {
    return empty_continuations_;
  }

 private:
  // The bodies that `split` announces. False: reported as a mistake.
  bool ReadHeredocs(const SplitLine& split, std::vector<HeredocBody>& bodies);
  // Skips the bodies below what must have been meant as RUN, COPY or ADD, lest
  // each of their lines is reported as another mistake.
  void SkipHeredocs(const SplitLine& split);

  Lexer& lexer_;
  char escape_;
  std::vector<Diagnostic>& diagnostics_;
  std::vector<EmptyContinuation> empty_continuations_;
};

bool InstructionReader::ReadHeredocs(const SplitLine& split,
                                     std::vector<HeredocBody>& bodies) {
  const LogicalLine& line = split.line();
  SourceRange place = line.Range(split.keyword_begin(), line.text().size());
  auto announced = FindHeredocs(line.text());
  if (!announced) {
    diagnostics_.push_back(MakeError(announced.error().message(), place));
    return false;
  }
  for (const Heredoc& heredoc : *announced) {
    auto body = ReadHeredocBody(heredoc, lexer_);
    if (!body) {
      size_t at = line.text().find("<<");
      diagnostics_.push_back(
          MakeError("unterminated heredoc", line.Range(at, line.text().size()),
                    "no line below it is exactly " + heredoc.name));
      return false;
    }
    bodies.push_back(std::move(*body));
  }
  return true;
}

void InstructionReader::SkipHeredocs(const SplitLine& split) {
  auto meant = Suggest(split.keyword(), {"RUN", "COPY", "ADD"});
  auto announced = FindHeredocs(split.line().text());
  if (!meant || !announced) return;
  Lexer::Position start = lexer_.Mark();
  for (const Heredoc& heredoc : *announced) {
    if (!ReadHeredocBody(heredoc, lexer_)) {
      lexer_.Return(start);
      return;
    }
  }
}

InstructionReader::Outcome InstructionReader::Next(Instruction& instruction) {
  auto line = lexer_.Next();
  if (!line) return Outcome::kEnd;
  if (!line->empty_lines().empty()) {
    empty_continuations_.push_back({.last_line = line->LastLineRange(),
                                    .empty_line = line->empty_lines().front()});
  }
  SplitLine split(*line, 0);
  instruction = {};
  instruction.keyword = split.keyword();
  instruction.text = line->text();
  instruction.comments = line->comments();
  instruction.range = line->Range(split.keyword_begin(), line->text().size());
  instruction.checks = ReadChecks(instruction.comments, diagnostics_);

  std::vector<HeredocBody> heredocs;
  if (CanHoldHeredocs(split)) {
    if (!ReadHeredocs(split, heredocs)) return Outcome::kMistake;
    if (!heredocs.empty()) {
      instruction.range.end_line = heredocs.back().doc.range.end_line;
      instruction.range.end_column = heredocs.back().doc.range.end_column;
    }
  }
  auto body = InstructionParser(split, heredocs, escape_, diagnostics_).Parse();
  if (!body) {
    if (heredocs.empty()) SkipHeredocs(split);
    return Outcome::kMistake;
  }
  instruction.body = std::move(*body);
  return Outcome::kInstruction;
}

// The first comment that begins with the stage's name, without the name.
std::string StageComment(const Instruction& from, const std::string& name) {
  if (name.empty()) return {};
  for (const Located& comment : from.comments) {
    if (comment.text.compare(0, name.size() + 1, name + " ") == 0) {
      return comment.text.substr(name.size() + 1);
    }
  }
  return {};
}

Stage MakeStage(Instruction from) {
  Stage stage;
  stage.range = from.range;
  if (const From* body = from.As<From>(); body->name) {
    stage.name = ToLower(body->name->text);
  }
  stage.doc_comment = StageComment(from, stage.name);
  stage.from = std::move(from);
  return stage;
}

// Sorts instructions into global arguments and stages.
class Assembler {
 public:
  Assembler(Dockerfile& file, std::vector<Diagnostic>& diagnostics)
      : file_(file), diagnostics_(diagnostics) {}

  void Add(Instruction instruction);
  // An instruction that could not be read.
  void AddMistake(const Instruction& instruction);

 private:
  Dockerfile& file_;
  std::vector<Diagnostic>& diagnostics_;
  // A FROM that could not be read opens a stage all the same.
  bool lost_from_ = false;
  bool complained_ = false;
};

void Assembler::AddMistake(const Instruction& instruction) {
  if (EqualsIgnoreCase(instruction.keyword, "FROM")) lost_from_ = true;
}

void Assembler::Add(Instruction instruction) {
  if (instruction.As<From>() != nullptr) {
    file_.stages.push_back(MakeStage(std::move(instruction)));
    return;
  }
  if (!file_.stages.empty()) {
    Stage& stage = file_.stages.back();
    stage.range.end_line = instruction.range.end_line;
    stage.range.end_column = instruction.range.end_column;
    stage.instructions.push_back(std::move(instruction));
    return;
  }
  if (instruction.As<Arg>() != nullptr) {
    file_.global_args.push_back(std::move(instruction));
    return;
  }
  if (lost_from_ || complained_) return;
  complained_ = true;
  diagnostics_.push_back(MakeError("no build stage in current context",
                                   instruction.range,
                                   "only ARG may stand above the first FROM"));
}

void CheckSyntax(const Directives& directives, const ParseOptions& options,
                 std::vector<Diagnostic>& diagnostics) {
  std::string syntax =
      options.syntax ? *options.syntax : directives.syntax.text;
  if (syntax.empty() || IsKnownSyntax(syntax)) return;
  diagnostics.push_back(MakeError(
      "unsupported frontend " + GoQuote(syntax) +
          ": this builder reads docker/dockerfile only",
      options.syntax ? SourceRange{} : directives.syntax.range,
      "to read the file as a Dockerfile all the same, build with --build-arg "
      "BUILDKIT_SYNTAX=dockerfile.v0"));
}

void CheckCheckDirective(const Directives& directives,
                         std::vector<Diagnostic>& diagnostics) {
  if (directives.check.text.empty()) return;
  // A value that cannot be read may still be replaced by a build argument;
  // LintConfigFor reports it.
  if (auto config = LintConfig::Parse(directives.check.text)) {
    WarnOfUnknownRules(*config, directives.check.range, diagnostics);
  }
}

}  // namespace

ParseResult Parse(std::string_view text, const ParseOptions& options) {
  ParseResult result;
  std::vector<Diagnostic>& diagnostics = result.diagnostics;
  if (text.empty()) {
    diagnostics.push_back(MakeError("the Dockerfile cannot be empty", {}));
    return result;
  }
  DirectivesResult directives = ParseDirectives(text);
  diagnostics = std::move(directives.diagnostics);
  result.dockerfile.directives = std::move(directives.directives);
  CheckSyntax(result.dockerfile.directives, options, diagnostics);
  // Another language's file would be nothing but mistakes.
  if (HasErrors(diagnostics)) return result;
  CheckCheckDirective(result.dockerfile.directives, diagnostics);

  char escape = result.dockerfile.directives.escape;
  Lexer lexer(text, escape);
  for (int i = 0; i < directives.lines; ++i) lexer.NextPhysical();
  InstructionReader reader(lexer, escape, diagnostics);
  Assembler assembler(result.dockerfile, diagnostics);
  Instruction instruction;
  size_t instructions = 0;
  while (true) {
    auto outcome = reader.Next(instruction);
    if (outcome == InstructionReader::Outcome::kEnd) break;
    ++instructions;
    if (outcome == InstructionReader::Outcome::kInstruction) {
      assembler.Add(std::move(instruction));
    } else {
      assembler.AddMistake(instruction);
    }
  }
  result.dockerfile.empty_continuations =
      std::move(reader.empty_continuations());
  for (const SourceRange& line : lexer.overlong_lines()) {
    diagnostics.push_back(
        MakeError("dockerfile line greater than max allowed size of " +
                      std::to_string(kMaxLineBytes),
                  line));
  }
  if (instructions == 0) {
    diagnostics.push_back(MakeError("file with no instructions", {}));
  } else if (result.dockerfile.stages.empty() && !HasErrors(diagnostics)) {
    diagnostics.push_back(MakeError("dockerfile contains no stages to build",
                                    {},
                                    "a Dockerfile needs at least one FROM"));
  }
  SortByPlace(diagnostics);
  return result;
}

Result<Instruction> ParseTrigger(std::string_view text, char escape) {
  auto error = [&](std::string_view message) {
    return InvalidArgument("ONBUILD trigger " + GoQuote(text) + ": " +
                           std::string(message));
  };
  std::vector<Diagnostic> diagnostics;
  Lexer lexer(text, escape);
  InstructionReader reader(lexer, escape, diagnostics);
  Instruction instruction, second;
  auto outcome = reader.Next(instruction);
  if (outcome == InstructionReader::Outcome::kEnd) {
    return error("is no instruction");
  }
  auto first_error = std::find_if(
      diagnostics.begin(), diagnostics.end(),
      [](const auto& d) { return d.severity == Severity::kError; });
  if (first_error != diagnostics.end()) return error(first_error->message);
  if (reader.Next(second) != InstructionReader::Outcome::kEnd) {
    return error("must be a single instruction");
  }
  std::string_view name = InstructionName(instruction.body);
  if (name == "FROM" || name == "ONBUILD" || name == "MAINTAINER") {
    return error(std::string(name) + " isn't allowed as an ONBUILD trigger");
  }
  return instruction;
}

std::optional<size_t> Dockerfile::FindStage(std::string_view name,
                                            size_t before) const {
  std::string lower = ToLower(name);
  if (lower.empty()) return {};
  for (size_t i = std::min(before, stages.size()); i > 0; --i) {
    if (stages[i - 1].name == lower) return i - 1;
  }
  return {};
}

std::optional<size_t> Dockerfile::FindTarget(std::string_view target) const {
  if (stages.empty()) return {};
  if (target.empty()) return stages.size() - 1;
  if (auto named = FindStage(target, stages.size())) return named;
  auto index = ParseUint(target);
  if (index && *index < stages.size()) return static_cast<size_t>(*index);
  return {};
}

}  // namespace strake::dockerfile
