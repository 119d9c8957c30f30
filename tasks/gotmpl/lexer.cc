#include "tasks/gotmpl/lexer.h"

#include <cstdio>

#include "tasks/gotmpl/utf8.h"

namespace strake::tasks::gotmpl {
namespace {

// What "{{-" and "-}}" trim.
constexpr std::string_view kBlanks = " \t\r\n";

bool IsBlank(char c) { return kBlanks.find(c) != std::string_view::npos; }

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  std::vector<Token> Run() {
    while (!failed_ && LexText()) LexAction();
    if (!failed_) Add(TokenKind::kEnd, text_.size(), text_.size());
    return std::move(tokens_);
  }

 private:
  std::string_view Rest() const { return text_.substr(at_); }
  bool Ahead(std::string_view expected) const {
    return Rest().starts_with(expected);
  }

  void Add(TokenKind kind, size_t begin, size_t end) {
    Token token;
    token.kind = kind;
    token.range = {begin, end};
    tokens_.push_back(std::move(token));
  }

  void Fail(size_t at, std::string message) {
    Add(TokenKind::kError, at, at);
    tokens_.back().message = std::move(message);
    failed_ = true;
  }

  // Up to the next "{{", which stays; false at the end of the text.
  bool LexText() {
    size_t begin = at_;
    size_t end = text_.find("{{", at_);
    bool found = end != std::string_view::npos;
    if (!found) end = text_.size();
    at_ = end;
    if (trim_next_) {
      while (begin < end && IsBlank(text_[begin])) ++begin;
    }
    if (found && TrimsLeft()) {
      while (end > begin && IsBlank(text_[end - 1])) --end;
    }
    if (begin < end) Add(TokenKind::kText, begin, end);
    trim_next_ = false;
    return found;
  }

  // "{{- " ahead.
  bool TrimsLeft() const {
    return Ahead("{{-") && at_ + 3 < text_.size() && IsBlank(text_[at_ + 3]);
  }
  bool TrimsRight() const { return Ahead(" -}}") || TrimsRightAfterBlank(); }
  bool TrimsRightAfterBlank() const {
    return at_ < text_.size() && IsBlank(text_[at_]) &&
           text_.substr(at_ + 1).starts_with("-}}");
  }

  void LexAction() {
    size_t begin = at_;
    at_ += TrimsLeft() ? 3 : 2;
    if (LexComment()) return;
    Add(TokenKind::kLeft, begin, at_);
    while (!failed_ && !LexRight()) LexInside();
  }

  // True where a comment, or what should have been one, was consumed.
  bool LexComment() {
    size_t start = at_;
    while (start < text_.size() && IsBlank(text_[start]) && start < at_ + 1) {
      ++start;
    }
    // Only a trim marker may stand between the delimiter and "/*".
    if (text_[at_ - 1] != '-') start = at_;
    if (!text_.substr(start).starts_with("/*")) return false;
    size_t close = text_.find("*/", start + 2);
    if (close == std::string_view::npos) {
      Fail(start, "unclosed comment");
      return true;
    }
    at_ = close + 2;
    if (TrimsRight()) {
      trim_next_ = true;
      at_ += 4;
    } else if (Ahead("}}")) {
      at_ += 2;
    } else {
      Fail(at_, "comment ends before closing delimiter");
    }
    return true;
  }

  bool LexRight() {
    size_t begin = at_;
    if (TrimsRight()) {
      at_ += 4;
      trim_next_ = true;
    } else if (Ahead("}}")) {
      at_ += 2;
    } else {
      return false;
    }
    Add(TokenKind::kRight, begin, at_);
    return true;
  }

  void LexInside() {
    if (at_ >= text_.size()) return Fail(at_, "unclosed action");
    char c = text_[at_];
    if (IsBlank(c)) return LexSpace();
    if (c == '"' || c == '`') return LexQuote(c);
    if (c == '\'') return LexCharacter();
    if (c == '$') return LexName(TokenKind::kVariable, at_ + 1);
    if (c == '.') return LexDot();
    if (c == ':') {
      if (!Ahead(":=")) return Fail(at_, "expected :=");
      return Take(TokenKind::kDeclare, 2);
    }
    if (c == '=') return Take(TokenKind::kAssign, 1);
    if (c == '|') return Take(TokenKind::kPipe, 1);
    if (c == ',') return Take(TokenKind::kComma, 1);
    if (c == '(') return Take(TokenKind::kOpen, 1);
    if (c == ')') return Take(TokenKind::kClose, 1);
    if (c == '+' || c == '-' || IsDigit(static_cast<unsigned char>(c))) {
      return LexNumber();
    }
    if (NameLength(at_) > 0) return LexName(TokenKind::kWord, at_);
    Unexpected("unrecognized character in action: ");
  }

  void Take(TokenKind kind, size_t length) {
    Add(kind, at_, at_ + length);
    at_ += length;
  }

  void Unexpected(std::string_view what) {
    size_t length = 1;
    char32_t rune = FirstRune(Rest(), length);
    char code[16];
    std::snprintf(code, sizeof code, "U+%04X", static_cast<unsigned>(rune));
    Fail(at_, std::string(what) + code + " '" +
                  std::string(Rest().substr(0, length)) + "'");
  }

  // A blank that belongs to " -}}" is not eaten.
  void LexSpace() {
    size_t begin = at_;
    while (at_ < text_.size() && IsBlank(text_[at_]) && !TrimsRight()) ++at_;
    Add(TokenKind::kSpace, begin, at_);
  }

  // Bytes of letters, digits and underscores from `from`.
  size_t NameLength(size_t from) const {
    size_t at = from;
    while (at < text_.size()) {
      size_t length = 1;
      char32_t rune = FirstRune(text_.substr(at), length);
      if (rune != '_' && !IsLetter(rune) && !IsDigit(rune)) break;
      at += length;
    }
    return at - from;
  }

  // A name must be followed by what can end a word.
  bool Terminated() const {
    if (at_ >= text_.size() || IsBlank(text_[at_])) return true;
    if (Ahead("}}")) return true;
    return std::string_view(".,|:=()").find(text_[at_]) !=
           std::string_view::npos;
  }

  void LexName(TokenKind kind, size_t from) {
    size_t end = from + NameLength(from);
    Add(kind, at_, end);
    at_ = end;
    if (!Terminated()) Unexpected("bad character ");
  }

  void LexDot() {
    if (at_ + 1 < text_.size() &&
        IsDigit(static_cast<unsigned char>(text_[at_ + 1]))) {
      return LexNumber();
    }
    if (NameLength(at_ + 1) > 0) return LexName(TokenKind::kField, at_ + 1);
    Take(TokenKind::kDot, 1);
    if (!Terminated()) Unexpected("bad character ");
  }

  // Signs, digits of any base, exponents; the parser judges.
  void LexNumber() {
    size_t begin = at_;
    if (Ahead("+") || Ahead("-")) ++at_;
    while (at_ < text_.size()) {
      char c = text_[at_];
      bool sign = (c == '+' || c == '-') &&
                  std::string_view("eEpP").find(text_[at_ - 1]) !=
                      std::string_view::npos;
      bool hex = text_.substr(begin, at_ - begin).find_first_of("xX") !=
                 std::string_view::npos;
      if (sign && hex && (text_[at_ - 1] == 'e' || text_[at_ - 1] == 'E')) {
        sign = false;
      }
      if (c != '.' && !sign && NameLength(at_) == 0) break;
      ++at_;
    }
    Add(TokenKind::kNumber, begin, at_);
  }

  void LexQuote(char quote) {
    size_t begin = at_;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (quote == '`') continue;
      if (text_[at_] == '\n') break;
      if (text_[at_] == '\\') ++at_;
    }
    if (at_ >= text_.size() || text_[at_] != quote) {
      return Fail(begin, quote == '`' ? "unterminated raw quoted string"
                                      : "unterminated quoted string");
    }
    ++at_;
    Add(TokenKind::kString, begin, at_);
  }

  void LexCharacter() {
    size_t begin = at_;
    for (++at_; at_ < text_.size() && text_[at_] != '\''; ++at_) {
      if (text_[at_] == '\n') break;
      if (text_[at_] == '\\') ++at_;
    }
    if (at_ >= text_.size() || text_[at_] != '\'') {
      return Fail(begin, "unterminated character constant");
    }
    ++at_;
    Add(TokenKind::kNumber, begin, at_);
  }

  std::string_view text_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  bool trim_next_ = false;
  bool failed_ = false;
};

}  // namespace

std::vector<Token> Tokenize(std::string_view text) { return Lexer(text).Run(); }

}  // namespace strake::tasks::gotmpl
