// One logical line to one typed instruction. Private to the room: parser.h
// is the way in.

#ifndef STRAKE_DOCKERFILE_INSTRUCTION_PARSER_H_
#define STRAKE_DOCKERFILE_INSTRUCTION_PARSER_H_

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/diagnostic.h"
#include "dockerfile/flags.h"
#include "dockerfile/heredoc.h"
#include "dockerfile/instruction.h"
#include "dockerfile/lexer.h"
#include "dockerfile/words.h"

namespace strake::dockerfile {

// A line split into keyword, flags and arguments. Offsets count bytes in
// `line.text()`, also for the inner instruction of an ONBUILD.
class SplitLine {
 public:
  // The instruction in `line` from `begin` on.
  SplitLine(const LogicalLine& line, size_t begin);

  std::string_view keyword() const { return keyword_; }
  size_t keyword_begin() const { return keyword_begin_; }
  const std::vector<FlagWord>& flags() const { return flags_; }
  std::string_view args() const { return args_; }
  size_t args_begin() const { return args_begin_; }

  const LogicalLine& line() const { return line_; }

 private:
  const LogicalLine& line_;
  size_t keyword_begin_ = 0;
  std::string_view keyword_;
  std::vector<FlagWord> flags_;
  std::string_view args_;
  size_t args_begin_ = 0;
};

// Whether the instruction may be followed by heredoc bodies: ADD, COPY and RUN
// outside of JSON form, and ONBUILD of these.
bool CanHoldHeredocs(const SplitLine& split);

// What one instruction's parser works with.
class InstructionParser {
 public:
  // Borrows all. Mistakes go to `diagnostics`.
  InstructionParser(const SplitLine& split,
                    const std::vector<HeredocBody>& heredocs, char escape,
                    std::vector<Diagnostic>& diagnostics);

  // The typed instruction; nothing where a mistake was reported.
  std::optional<InstructionBody> Parse();

 private:
  using Body = std::optional<InstructionBody>;

  Body ParseAdd();
  Body ParseArg();
  Body ParseCmd();
  Body ParseCopy();
  Body ParseEntrypoint();
  Body ParseEnv();
  Body ParseExpose();
  Body ParseFrom();
  Body ParseHealthcheck();
  Body ParseLabel();
  Body ParseMaintainer();
  Body ParseOnbuild();
  Body ParseRun();
  Body ParseShell();
  Body ParseStopsignal();
  Body ParseUser();
  Body ParseVolume();
  Body ParseWorkdir();

  // Reports a mistake in text[begin, end); false for use in conditions.
  bool Fail(std::string message, size_t begin, size_t end,
            std::string hint = {});
  // In the arguments or, without any, at the keyword.
  bool FailArgs(std::string message, std::string hint = {});
  // The same for words that cannot even be split, which the language finds
  // out before it looks at the instruction: in ONBUILD not only when it fires.
  bool FailWords(std::string message, std::string hint = {});
  void Warn(std::string message, size_t begin, size_t end);

  SourceRange RangeOf(size_t begin, size_t end) const {
    return split_.line().Range(begin, end);
  }
  // `word` of the arguments, with its place in the file.
  Located Locate(const Word& word) const;
  // A flag's value; nothing where it is absent or empty.
  std::optional<Located> FlagText(const ParseFlagsResult& flags,
                                  std::string_view name) const;

  // The flags, checked; reports what is wrong with them.
  ParseFlagsResult Flags(std::span<const FlagSpec> specs);
  // For instructions without flags.
  void NoFlags();
  // For instructions, called `name`, whose flags the language never looks at.
  void WarnOfUnreadFlags(const std::string& name);

  // The arguments as one string; fails without any.
  std::optional<std::string> OneArgument();
  // JSON or shell form.
  std::optional<CommandLine> Command(std::string_view text);
  // JSON list or words between blanks.
  std::optional<std::vector<Word>> JsonOrWords();
  // `key=value ...` or the legacy `key value`.
  bool ParsePairs(std::vector<KeyValue>& pairs, bool& legacy_form);
  bool ParseCopySources(const ParseFlagsResult& flags, CopySources& copy);
  bool AddCopySource(const Word& word, size_t& next_heredoc, CopySources& copy);
  bool ParseNetwork(const Flag& flag, Run& run);
  bool ParseSecurity(const Flag& flag, Run& run);
  bool ParseDevice(const Flag& flag, Run& run);
  void CheckMount(const Flag& flag);
  std::chrono::nanoseconds ParseInterval(const ParseFlagsResult& flags,
                                         std::string_view name);

  const SplitLine& split_;
  const std::vector<HeredocBody>& heredocs_;
  char escape_;
  std::vector<Diagnostic>& diagnostics_;
  std::string name_;  // upper case
  bool failed_ = false;
  bool bad_words_ = false;
};

}  // namespace strake::dockerfile

#endif  // STRAKE_DOCKERFILE_INSTRUCTION_PARSER_H_
