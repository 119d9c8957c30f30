#include "tasks/run/words.h"

#include <cstddef>

#include "util/strings.h"

namespace strake::tasks::run {
namespace {

constexpr std::string_view kBlanks = " \t";
// Outside quotes; "#" and "~" count only where a word begins.
constexpr std::string_view kShellsOwn = "$`|&;<>()*?[\n";
constexpr std::string_view kShellsOwnAtStart = "#~";
constexpr std::string_view kShellsOwnInQuotes = "$`";
constexpr std::string_view kEscapableInQuotes = "$`\"\\\n";

class Splitter {
 public:
  explicit Splitter(std::string_view line) : line_(line) {}

  std::optional<std::vector<std::string>> Split() {
    while (at_ < line_.size()) {
      if (!Take()) return std::nullopt;
    }
    EndWord();
    return std::move(words_);
  }

 private:
  // Reads what begins here; false where a shell has to.
  bool Take() {
    const char c = line_[at_];
    if (kBlanks.find(c) != std::string_view::npos) {
      EndWord();
      ++at_;
      return true;
    }
    if (c == '\'') return TakeSingleQuoted();
    if (c == '"') return TakeDoubleQuoted();
    if (c == '\\') return TakeEscaped();
    if (kShellsOwn.find(c) != std::string_view::npos) return false;
    if (!in_word_ && kShellsOwnAtStart.find(c) != std::string_view::npos) {
      return false;
    }
    Append(c);
    ++at_;
    return true;
  }

  bool TakeEscaped() {
    if (at_ + 1 >= line_.size()) return false;
    // A line that goes on in the next one.
    if (line_[at_ + 1] != '\n') Append(line_[at_ + 1]);
    at_ += 2;
    return true;
  }

  bool TakeSingleQuoted() {
    const size_t end = line_.find('\'', at_ + 1);
    if (end == std::string_view::npos) return false;
    word_ += line_.substr(at_ + 1, end - at_ - 1);
    in_word_ = true;
    at_ = end + 1;
    return true;
  }

  bool TakeDoubleQuoted() {
    in_word_ = true;
    for (++at_; at_ < line_.size(); ++at_) {
      const char c = line_[at_];
      if (c == '"') {
        ++at_;
        return true;
      }
      if (kShellsOwnInQuotes.find(c) != std::string_view::npos) return false;
      if (c == '\\' && at_ + 1 < line_.size() &&
          kEscapableInQuotes.find(line_[at_ + 1]) != std::string_view::npos) {
        ++at_;
        if (line_[at_] == '\n') continue;
      }
      word_ += line_[at_];
    }
    return false;
  }

  void Append(char c) {
    word_ += c;
    in_word_ = true;
  }

  void EndWord() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::string_view line_;
  size_t at_ = 0;
  std::string word_;
  bool in_word_ = false;
  std::vector<std::string> words_;
};

}  // namespace

std::optional<std::vector<std::string>> PlainWords(std::string_view line) {
  return Splitter(Trim(line)).Split();
}

std::string ShellQuote(std::string_view word) {
  return "'" + ReplaceAll(word, "'", "'\\''") + "'";
}

}  // namespace strake::tasks::run
