#include "dockerfile/instruction_parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "dockerfile/unicode.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::dockerfile {
namespace {

constexpr std::string_view kBlankBytes = "\t\v\f\r ";

constexpr std::array<std::string_view, 18> kInstructions = {
    "ADD",    "ARG",   "CMD",         "COPY",  "ENTRYPOINT", "ENV",
    "EXPOSE", "FROM",  "HEALTHCHECK", "LABEL", "MAINTAINER", "ONBUILD",
    "RUN",    "SHELL", "STOPSIGNAL",  "USER",  "VOLUME",     "WORKDIR"};

// The rest of `comments` line that begins with "`name` ", without that.
std::string CommentFor(const std::vector<Located>& comments,
                       std::string_view name) {
  if (name.empty()) return {};
  std::string prefix = std::string(name) + " ";
  for (const Located& comment : comments) {
    if (comment.text.compare(0, prefix.size(), prefix) == 0) {
      return comment.text.substr(prefix.size());
    }
  }
  return {};
}

bool IsStageName(std::string_view name) {
  auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && is_letter(name[0]) &&
         std::all_of(name.begin(), name.end(), [&](char c) {
           return is_letter(c) || (c >= '0' && c <= '9') || c == '-' ||
                  c == '_' || c == '.';
         });
}

}  // namespace

SplitLine::SplitLine(const LogicalLine& line, size_t begin) : line_(line) {
  std::string_view text = line.text();
  while (size_t blank = BlankLength(text, begin)) begin += blank;
  keyword_begin_ = begin;
  size_t end = std::min(text.find_first_of(kBlankBytes, begin), text.size());
  keyword_ = text.substr(begin, end - begin);
  SplitFlagsResult flags = SplitFlags(text.substr(end));
  flags_ = std::move(flags.flags);
  for (FlagWord& flag : flags_) {
    flag.begin += end;
    flag.end += end;
  }
  args_begin_ = end + flags.rest;
  args_ = TrimBlanks(text.substr(args_begin_));
}

bool CanHoldHeredocs(const SplitLine& split) {
  std::string name = ToUpper(split.keyword());
  if (name == "ONBUILD") {
    if (split.args().empty()) return false;
    SplitLine inner(split.line(), split.args_begin());
    return !EqualsIgnoreCase(inner.keyword(), "ONBUILD") &&
           CanHoldHeredocs(inner);
  }
  return (name == "ADD" || name == "COPY" || name == "RUN") &&
         ParseJsonWords(split.args()).kind != JsonWords::Kind::kStrings;
}

InstructionParser::InstructionParser(const SplitLine& split,
                                     const std::vector<HeredocBody>& heredocs,
                                     char escape,
                                     std::vector<Diagnostic>& diagnostics)
    : split_(split),
      heredocs_(heredocs),
      escape_(escape),
      diagnostics_(diagnostics),
      name_(ToUpper(split.keyword())) {}

InstructionParser::Body InstructionParser::Parse() {
  using Method = Body (InstructionParser::*)();
  static constexpr std::array<Method, kInstructions.size()> kMethods = {
      &InstructionParser::ParseAdd,         &InstructionParser::ParseArg,
      &InstructionParser::ParseCmd,         &InstructionParser::ParseCopy,
      &InstructionParser::ParseEntrypoint,  &InstructionParser::ParseEnv,
      &InstructionParser::ParseExpose,      &InstructionParser::ParseFrom,
      &InstructionParser::ParseHealthcheck, &InstructionParser::ParseLabel,
      &InstructionParser::ParseMaintainer,  &InstructionParser::ParseOnbuild,
      &InstructionParser::ParseRun,         &InstructionParser::ParseShell,
      &InstructionParser::ParseStopsignal,  &InstructionParser::ParseUser,
      &InstructionParser::ParseVolume,      &InstructionParser::ParseWorkdir,
  };
  auto known = std::find(kInstructions.begin(), kInstructions.end(), name_);
  if (known == kInstructions.end()) {
    std::vector<std::string> names(kInstructions.begin(), kInstructions.end());
    Fail("unknown instruction: " + std::string(split_.keyword()) +
             DidYouMean(name_, names),
         split_.keyword_begin(),
         split_.keyword_begin() + split_.keyword().size());
    return {};
  }
  Body body = (this->*kMethods[known - kInstructions.begin()])();
  return failed_ ? std::nullopt : std::move(body);
}

bool InstructionParser::Fail(std::string message, size_t begin, size_t end,
                             std::string hint) {
  failed_ = true;
  diagnostics_.push_back(
      MakeError(std::move(message), RangeOf(begin, end), std::move(hint)));
  return false;
}

bool InstructionParser::FailArgs(std::string message, std::string hint) {
  if (split_.args().empty()) {
    return Fail(std::move(message), split_.keyword_begin(),
                split_.keyword_begin() + split_.keyword().size(),
                std::move(hint));
  }
  return Fail(std::move(message), split_.args_begin(),
              split_.args_begin() + split_.args().size(), std::move(hint));
}

bool InstructionParser::FailWords(std::string message, std::string hint) {
  bad_words_ = true;
  return FailArgs(std::move(message), std::move(hint));
}

void InstructionParser::Warn(std::string message, size_t begin, size_t end) {
  diagnostics_.push_back({.severity = Severity::kWarning,
                          .rule = {},
                          .message = std::move(message),
                          .range = RangeOf(begin, end),
                          .hint = {}});
}

Located InstructionParser::Locate(const Word& word) const {
  size_t base = split_.args_begin();
  return {.text = word.text,
          .range = RangeOf(base + word.begin, base + word.end)};
}

std::optional<Located> InstructionParser::FlagText(
    const ParseFlagsResult& flags, std::string_view name) const {
  const Flag* flag = flags.Find(name);
  if (flag == nullptr || flag->value.empty()) return {};
  return Located{.text = flag->value, .range = RangeOf(flag->begin, flag->end)};
}

ParseFlagsResult InstructionParser::Flags(std::span<const FlagSpec> specs) {
  ParseFlagsResult result = ParseFlags(split_.flags(), specs);
  for (const FlagError& error : result.errors) {
    std::string hint;
    if (specs.empty() && (name_ == "CMD" || name_ == "ENTRYPOINT")) {
      hint = "flags end at \"--\": write " + name_ +
             " -- --option, or use the JSON form";
    }
    Fail(error.message, error.begin, error.end, hint);
  }
  return result;
}

void InstructionParser::NoFlags() { Flags({}); }

void InstructionParser::WarnOfUnreadFlags(const std::string& name) {
  for (const FlagWord& flag : split_.flags()) {
    Warn(name + " takes no flags; " + flag.text + " has no effect", flag.begin,
         flag.end);
  }
}

std::optional<std::string> InstructionParser::OneArgument() {
  if (split_.args().empty()) {
    FailArgs(name_ + " requires exactly one argument");
    return {};
  }
  return std::string(split_.args());
}

std::optional<CommandLine> InstructionParser::Command(std::string_view text) {
  JsonWords json = ParseJsonWords(text);
  if (json.kind == JsonWords::Kind::kNotStrings) {
    FailWords(
        "when using JSON array syntax, arrays must be comprised of strings "
        "only");
    return {};
  }
  CommandLine command;
  if (json.kind == JsonWords::Kind::kStrings) {
    command.form = CommandLine::Form::kExec;
    command.exec = std::move(json.words);
  } else {
    command.shell = text;
  }
  return command;
}

std::optional<std::vector<Word>> InstructionParser::JsonOrWords() {
  std::string_view args = split_.args();
  JsonWords json = ParseJsonWords(args);
  if (json.kind == JsonWords::Kind::kNotStrings) {
    FailWords(
        "when using JSON array syntax, arrays must be comprised of strings "
        "only");
    return {};
  }
  if (json.kind == JsonWords::Kind::kNone) return SplitAtBlanks(args);
  std::vector<Word> words;
  for (std::string& text : json.words) {
    words.push_back({.text = std::move(text), .begin = 0, .end = args.size()});
  }
  return words;
}

bool InstructionParser::ParsePairs(std::vector<KeyValue>& pairs,
                                   bool& legacy_form) {
  std::vector<Word> words = SplitQuoted(split_.args(), escape_);
  if (words.empty()) {
    return FailArgs(name_ + " requires at least one argument");
  }
  if (words[0].text.find('=') == std::string::npos) {
    legacy_form = true;
    FirstWord first = SplitFirst(split_.args());
    if (!first.rest) return FailWords(name_ + " must have two arguments");
    pairs.push_back(
        {.key = std::string(first.word),
         .value = std::string(*first.rest),
         .range = RangeOf(split_.args_begin(),
                          split_.args_begin() + split_.args().size())});
    return true;
  }
  for (const Word& word : words) {
    size_t begin = split_.args_begin() + word.begin;
    size_t end = split_.args_begin() + word.end;
    auto split = SplitOnce(word.text, '=');
    if (!split) {
      bad_words_ = true;
      return Fail("Syntax error - can't find = in " + GoQuote(word.text) +
                      ". Must be of the form: name=value",
                  begin, end, "put quotes around a value with blanks in it");
    }
    if (split->first.empty()) {
      return Fail(name_ + " names can not be blank", begin, end);
    }
    pairs.push_back({.key = std::string(split->first),
                     .value = std::string(split->second),
                     .range = RangeOf(begin, end)});
  }
  return true;
}

InstructionParser::Body InstructionParser::ParseEnv() {
  NoFlags();
  Env env;
  if (!ParsePairs(env.pairs, env.legacy_form)) return {};
  return env;
}

InstructionParser::Body InstructionParser::ParseLabel() {
  NoFlags();
  Label label;
  if (!ParsePairs(label.pairs, label.legacy_form)) return {};
  return label;
}

InstructionParser::Body InstructionParser::ParseArg() {
  WarnOfUnreadFlags(name_);
  Arg arg;
  for (const Word& word : SplitQuoted(split_.args(), escape_)) {
    Located place = Locate(word);
    Arg::Entry entry;
    entry.key = word.text;
    entry.range = place.range;
    if (auto split = SplitOnce(word.text, '=')) {
      entry.key = split->first;
      entry.value = split->second;
      if (entry.key.empty()) {
        Fail("ARG names can not be blank", split_.args_begin() + word.begin,
             split_.args_begin() + word.end);
      }
    }
    entry.doc_comment = CommentFor(split_.line().comments(), entry.key);
    arg.entries.push_back(std::move(entry));
  }
  if (arg.entries.empty()) FailArgs("ARG requires at least one argument");
  return arg;
}

InstructionParser::Body InstructionParser::ParseFrom() {
  static constexpr FlagSpec kSpecs[] = {{"platform", FlagType::kString}};
  ParseFlagsResult flags = Flags(kSpecs);
  std::vector<Word> words = SplitAtBlanks(split_.args());
  bool named = words.size() == 3 && EqualsIgnoreCase(words[1].text, "as");
  if (!named && words.size() != 1) {
    FailArgs("FROM requires either one or three arguments",
             "write FROM image, or FROM image AS name");
    return {};
  }
  From from;
  from.base = Locate(words[0]);
  from.platform = FlagText(flags, "platform");
  if (named) {
    from.as_keyword = words[1].text;
    from.name = Locate(words[2]);
    if (!IsStageName(ToLower(words[2].text))) {
      Fail("invalid name for build stage: " + GoQuote(words[2].text) +
               ", name can't start with a number or contain symbols",
           split_.args_begin() + words[2].begin,
           split_.args_begin() + words[2].end);
    }
  }
  return from;
}

InstructionParser::Body InstructionParser::ParseCmd() {
  NoFlags();
  auto command = Command(split_.args());
  if (!command) return {};
  return Cmd{std::move(*command)};
}

InstructionParser::Body InstructionParser::ParseEntrypoint() {
  NoFlags();
  auto command = Command(split_.args());
  if (!command) return {};
  return Entrypoint{std::move(*command)};
}

InstructionParser::Body InstructionParser::ParseExpose() {
  NoFlags();
  Expose expose;
  for (const Word& word : SplitAtBlanks(split_.args())) {
    expose.ports.push_back(Locate(word));
  }
  if (expose.ports.empty()) FailArgs("EXPOSE requires at least one argument");
  std::stable_sort(
      expose.ports.begin(), expose.ports.end(),
      [](const Located& a, const Located& b) { return a.text < b.text; });
  return expose;
}

InstructionParser::Body InstructionParser::ParseMaintainer() {
  NoFlags();
  auto name = OneArgument();
  if (!name) return {};
  return Maintainer{std::move(*name)};
}

InstructionParser::Body InstructionParser::ParseShell() {
  NoFlags();
  auto command = Command(split_.args());
  if (!command) return {};
  bool exec = command->form == CommandLine::Form::kExec;
  if (exec ? command->exec.empty() : command->shell.empty()) {
    FailArgs("SHELL requires at least one argument");
  } else if (!exec) {
    FailArgs("SHELL requires the arguments to be in JSON form",
             "for example SHELL [\"/bin/bash\", \"-c\"]");
  }
  return Shell{std::move(command->exec)};
}

InstructionParser::Body InstructionParser::ParseStopsignal() {
  WarnOfUnreadFlags(name_);
  auto signal = OneArgument();
  if (!signal) return {};
  return Stopsignal{std::move(*signal)};
}

InstructionParser::Body InstructionParser::ParseUser() {
  NoFlags();
  auto user = OneArgument();
  if (!user) return {};
  return User{std::move(*user)};
}

InstructionParser::Body InstructionParser::ParseVolume() {
  NoFlags();
  auto words = JsonOrWords();
  if (!words) return {};
  Volume volume;
  for (const Word& word : *words) {
    std::string_view path = TrimBlanks(word.text);
    if (path.empty()) FailArgs("VOLUME specified can not be an empty string");
    volume.paths.emplace_back(path);
  }
  if (words->empty()) FailArgs("VOLUME requires at least one argument");
  return volume;
}

InstructionParser::Body InstructionParser::ParseWorkdir() {
  NoFlags();
  auto path = OneArgument();
  if (!path) return {};
  return Workdir{std::move(*path)};
}

// The trigger's own mistakes come to light where it fires. What the language
// checks already here are its words; the rest is a warning.
InstructionParser::Body InstructionParser::ParseOnbuild() {
  NoFlags();
  if (split_.args().empty()) {
    FailArgs("ONBUILD requires at least one argument");
    return {};
  }
  SplitLine inner(split_.line(), split_.args_begin());
  std::string trigger = ToUpper(inner.keyword());
  size_t begin = inner.keyword_begin();
  size_t end = begin + inner.keyword().size();
  if (trigger == "ONBUILD") {
    Fail("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed", begin, end);
    return {};
  }
  if (trigger == "MAINTAINER" || trigger == "FROM") {
    Fail(trigger + " isn't allowed as an ONBUILD trigger", begin, end);
    return {};
  }
  std::vector<Diagnostic> found;
  InstructionParser trigger_parser(inner, heredocs_, escape_, found);
  trigger_parser.Parse();
  failed_ = failed_ || trigger_parser.bad_words_;
  for (Diagnostic& diagnostic : found) {
    if (diagnostic.severity == Severity::kError && !trigger_parser.bad_words_) {
      diagnostic.message = "this trigger will fail: " + diagnostic.message;
      diagnostic.severity = Severity::kWarning;
    }
    diagnostics_.push_back(std::move(diagnostic));
  }
  Onbuild onbuild;
  onbuild.trigger = split_.line().text().substr(split_.args_begin());
  for (const HeredocBody& heredoc : heredocs_) {
    onbuild.trigger += "\n" + heredoc.raw_content + heredoc.doc.name;
  }
  return onbuild;
}

std::string_view InstructionName(const InstructionBody& body) {
  static constexpr std::array<std::string_view,
                              std::variant_size_v<InstructionBody>>
      kNames = {"FROM",    "RUN",         "COPY",    "ADD",
                "ENV",     "ARG",         "WORKDIR", "USER",
                "EXPOSE",  "VOLUME",      "CMD",     "ENTRYPOINT",
                "LABEL",   "HEALTHCHECK", "SHELL",   "STOPSIGNAL",
                "ONBUILD", "MAINTAINER"};
  return kNames[body.index()];
}

}  // namespace strake::dockerfile
