#include "dockerfile/shell_lexer.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "dockerfile/unicode.h"
#include "dockerfile/variable_pattern.h"
#include "util/result_macros.h"

namespace strake::dockerfile {
namespace {

// Nesting of ${a:-${b:-...}}: far beyond any use, far below the stack's end.
constexpr int kMaxDepth = 200;

// The words of a text as they come in, split at blanks that are not quoted.
class WordCollector {
 public:
  // An unquoted character; blanks end a word.
  void AddChar(std::string_view c) {
    if (BlankLength(c, 0) == 0) {
      AddRaw(c);
    } else if (!word_.empty()) {
      words_.push_back(std::exchange(word_, {}));
    }
  }
  void AddText(std::string_view text) {
    for (size_t i = 0; i < text.size();) {
      size_t length = CharLength(text, i);
      AddChar(text.substr(i, length));
      i += length;
    }
  }
  void AddRaw(std::string_view text) { word_ += text; }
  std::vector<std::string> Take() {
    if (!word_.empty()) words_.push_back(std::exchange(word_, {}));
    return std::move(words_);
  }

 private:
  std::string word_;
  std::vector<std::string> words_;
};

bool IsSpecialParameter(char c) {
  return std::string_view("@*#?-$!0").find(c) != std::string_view::npos;
}

// Reads a text once from left to right; nested substitutions recurse.
class ShellWalker {
 public:
  ShellWalker(std::string_view text, const VariableLookup& lookup,
              const ShellLexOptions& options, ShellLexResult& result)
      : text_(text),
        lookup_(lookup),
        options_(options),
        keep_escapes_(options.keep_escapes),
        result_(result) {}

  // Reads up to and including an unquoted `stop`, or to the end without one.
  Result<std::string> ReadUntil(std::optional<char> stop, bool keep_escapes,
                                WordCollector& words);

 private:
  bool AtEnd() const { return at_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }
  bool Accept(char c) {
    if (AtEnd() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  std::string_view Next() {
    if (AtEnd()) return {};
    size_t start = at_;
    at_ += CharLength(text_, at_);
    return text_.substr(start, at_ - start);
  }

  Result<std::string> ReadSingleQuoted();
  Result<std::string> ReadDoubleQuoted();
  Result<std::string> ReadVariable();
  Result<std::string> ReadBraced();
  Result<std::string> ReadConditional(const std::string& name, char modifier,
                                      bool colon);
  Result<std::string> ReadReplacement(const std::string& name);
  std::string ReadName();
  std::string ReadLess();
  std::optional<std::string> Look(const std::string& name);
  // The part of a substitution up to `stop`.
  Result<std::string> ReadPart(char stop, bool keep_escapes,
                               std::string_view missing);

  std::string_view text_;
  const VariableLookup& lookup_;
  const ShellLexOptions& options_;
  bool keep_escapes_;
  ShellLexResult& result_;
  size_t at_ = 0;
  int depth_ = 0;
};

Result<std::string> ShellWalker::ReadUntil(std::optional<char> stop,
                                           bool keep_escapes,
                                           WordCollector& words) {
  std::string text;
  bool outer = std::exchange(keep_escapes_, keep_escapes);
  while (!AtEnd()) {
    char c = Peek();
    if (stop && c == *stop) {
      ++at_;
      keep_escapes_ = outer;
      return text;
    }
    if (c == '$') {
      ASSIGN_OR_RETURN(std::string value, ReadVariable());
      text += value;
      words.AddText(value);
    } else if (c == '\'' && !options_.ignore_quotes) {
      ASSIGN_OR_RETURN(std::string quoted, ReadSingleQuoted());
      text += quoted;
      words.AddRaw(quoted);
    } else if (c == '"' && !options_.ignore_quotes) {
      ASSIGN_OR_RETURN(std::string quoted, ReadDoubleQuoted());
      text += quoted;
      words.AddRaw(quoted);
    } else if (c == '<') {
      std::string redirect = ReadLess();
      text += redirect;
      words.AddRaw(redirect);
    } else if (c == options_.escape) {
      std::string_view escape = Next();
      std::string escaped(keep_escapes_ ? escape : std::string_view());
      escaped += Next();
      text += escaped;
      words.AddRaw(escaped);
    } else {
      std::string_view plain = Next();
      text += plain;
      words.AddChar(plain);
    }
  }
  keep_escapes_ = outer;
  if (stop) {
    return InvalidArgument(
        std::string("unexpected end of statement while looking for matching ") +
        *stop);
  }
  return text;
}

// Blanks between "<<" and a heredoc's name belong to the same word.
std::string ShellWalker::ReadLess() {
  std::string text(Next());
  if (!Accept('<')) return text;
  text += '<';
  while (Peek() == ' ' || Peek() == '\t' || Peek() == '\r') text += Next();
  return text;
}

Result<std::string> ShellWalker::ReadSingleQuoted() {
  size_t start = at_;
  size_t end = text_.find('\'', start + 1);
  if (end == std::string_view::npos) {
    at_ = text_.size();
    return InvalidArgument(
        "unexpected end of statement while looking for matching single-quote");
  }
  at_ = end + 1;
  return std::string(options_.keep_quotes
                         ? text_.substr(start, end + 1 - start)
                         : text_.substr(start + 1, end - start - 1));
}

Result<std::string> ShellWalker::ReadDoubleQuoted() {
  std::string text;
  if (options_.keep_quotes) text += '"';
  ++at_;
  while (!AtEnd()) {
    char c = Peek();
    if (c == '"') {
      ++at_;
      if (options_.keep_quotes) text += '"';
      return text;
    }
    if (c == '$') {
      ASSIGN_OR_RETURN(std::string value, ReadVariable());
      text += value;
    } else if (c == options_.escape) {
      ++at_;
      // Within quotes the escape character is itself before anything but
      // these, and nothing at the very end.
      bool escapes = Peek() == '"' || Peek() == '$' || Peek() == c;
      if (AtEnd()) break;
      if (keep_escapes_ || !escapes) text += c;
      if (escapes) text += Next();
    } else {
      text += Next();
    }
  }
  return InvalidArgument(
      "unexpected end of statement while looking for matching double-quote");
}

std::optional<std::string> ShellWalker::Look(const std::string& name) {
  std::optional<std::string> value = lookup_ ? lookup_(name) : std::nullopt;
  std::vector<std::string>& names = value ? result_.matched : result_.unmatched;
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    names.push_back(name);
  }
  return value;
}

std::string ShellWalker::ReadName() {
  if (AtEnd()) return {};
  size_t start = at_;
  if (DigitLength(text_, at_) > 0) {
    while (size_t length = DigitLength(text_, at_)) at_ += length;
  } else if (IsSpecialParameter(Peek())) {
    ++at_;
  } else {
    while (true) {
      size_t length = LetterLength(text_, at_);
      if (length == 0) length = DigitLength(text_, at_);
      if (length == 0 && Peek() == '_') length = 1;
      if (length == 0) break;
      at_ += length;
    }
  }
  return std::string(text_.substr(start, at_ - start));
}

Result<std::string> ShellWalker::ReadVariable() {
  ++at_;
  if (Peek() == '{') {
    if (++depth_ > kMaxDepth) {
      return InvalidArgument("substitutions are nested too deeply");
    }
    ++at_;
    auto value = ReadBraced();
    --depth_;
    return value;
  }
  std::string name = ReadName();
  if (name.empty()) return std::string("$");
  std::optional<std::string> value = Look(name);
  if (!value && options_.keep_unset) return "$" + name;
  return value.value_or("");
}

Result<std::string> ShellWalker::ReadBraced() {
  if (AtEnd()) return InvalidArgument("syntax error: missing '}'");
  if (Peek() == '{' || Peek() == '}' || Peek() == ':') {
    return InvalidArgument("syntax error: bad substitution");
  }
  std::string name = ReadName();
  if (AtEnd()) return InvalidArgument("syntax error: missing '}'");
  std::string modifier(Next());
  if (modifier == "}") {
    std::optional<std::string> value = Look(name);
    if (!value && options_.keep_unset) return "${" + name + "}";
    return value.value_or("");
  }
  if (modifier == "/") return ReadReplacement(name);
  bool colon = modifier == ":";
  std::string kind = modifier;
  if (colon) {
    if (AtEnd()) return InvalidArgument("syntax error: missing '}'");
    kind = Next();
    modifier += kind;
  }
  bool known = kind == "-" || kind == "+" || kind == "?" ||
               (!colon && (kind == "#" || kind == "%"));
  if (!known) {
    return InvalidArgument("unsupported modifier (" + modifier +
                           ") in substitution");
  }
  return ReadConditional(name, kind[0], colon);
}

Result<std::string> ShellWalker::ReadPart(char stop, bool keep_escapes,
                                          std::string_view missing) {
  WordCollector ignored;
  auto part = ReadUntil(stop, keep_escapes, ignored);
  if (!part && AtEnd()) return InvalidArgument(std::string(missing));
  return part;
}

Result<std::string> ShellWalker::ReadConditional(const std::string& name,
                                                 char modifier, bool colon) {
  bool pattern = modifier == '#' || modifier == '%';
  ASSIGN_OR_RETURN(std::string word,
                   ReadPart('}', pattern, "syntax error: missing '}'"));
  std::optional<std::string> value = Look(name);
  if (!value && options_.keep_unset) {
    return "${" + name + (colon ? ":" : "") + modifier + word + "}";
  }
  bool missing = !value || (colon && value->empty());
  switch (modifier) {
    case '-':
      return missing ? word : *value;
    case '+':
      return missing ? std::string() : word;
    case '?':
      if (!missing) return *value;
      if (word.empty()) {
        word =
            value ? "is not allowed to be empty" : "is not allowed to be unset";
      }
      return InvalidArgument(name + ": " + word);
    default:
      break;
  }
  MatchLength length = MatchLength::kShortest;
  std::string_view glob = word;
  if (!glob.empty() && glob[0] == modifier) {
    length = MatchLength::kLongest;
    glob.remove_prefix(1);
  }
  return modifier == '#' ? RemovePrefix(value.value_or(""), glob, length)
                         : RemoveSuffix(value.value_or(""), glob, length);
}

Result<std::string> ShellWalker::ReadReplacement(const std::string& name) {
  Occurrences occurrences =
      Accept('/') ? Occurrences::kAll : Occurrences::kFirst;
  ASSIGN_OR_RETURN(std::string pattern,
                   ReadPart('/', true, "syntax error: missing '/' in ${}"));
  ASSIGN_OR_RETURN(std::string replacement,
                   ReadPart('}', true, "syntax error: missing '}'"));
  std::optional<std::string> value = Look(name);
  if (!value && options_.keep_unset) {
    return "${" + name + "/" + pattern + "/" + replacement + "}";
  }
  return ReplacePattern(value.value_or(""), pattern, replacement, occurrences);
}

}  // namespace

Result<ShellLexResult> ShellLex(std::string_view text,
                                const VariableLookup& lookup,
                                const ShellLexOptions& options) {
  ShellLexResult result;
  WordCollector words;
  ShellWalker walker(text, lookup, options, result);
  ASSIGN_OR_RETURN(result.text,
                   walker.ReadUntil({}, options.keep_escapes, words));
  result.words = words.Take();
  return result;
}

}  // namespace strake::dockerfile
