#include "dockerfile/heredoc.h"

#include <algorithm>
#include <utility>

#include "dockerfile/shell_lexer.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

ptrdiff_t CountQuotes(std::string_view text) {
  return std::count_if(text.begin(), text.end(),
                       [](char c) { return c == '\'' || c == '"'; });
}

}  // namespace

Result<std::optional<Heredoc>> ParseHeredocWord(std::string_view word) {
  std::optional<Heredoc> none;
  size_t digits = 0;
  while (digits < word.size() && word[digits] >= '0' && word[digits] <= '9') {
    ++digits;
  }
  if (word.substr(digits, 2) != "<<") return none;
  std::string_view rest = word.substr(digits + 2);
  bool chomp = !rest.empty() && rest[0] == '-';
  if (chomp) rest.remove_prefix(1);
  size_t blanks = rest.find_first_not_of("\t\n\f\r ");
  rest.remove_prefix(blanks == std::string_view::npos ? rest.size() : blanks);
  if (rest.empty() || rest.find('<') != std::string_view::npos) return none;

  // Quotes that quote disappear; if any did, the name was quoted.
  ASSIGN_OR_RETURN(ShellLexResult plain,
                   ShellLex(rest, {}, {.keep_unset = true}));
  if (plain.words.size() != 1) return none;
  ASSIGN_OR_RETURN(
      ShellLexResult quoted,
      ShellLex(rest, {}, {.keep_quotes = true, .keep_unset = true}));
  std::string with_quotes = Join(quoted.words, "");

  Heredoc heredoc;
  heredoc.name = plain.words[0];
  heredoc.chomp = chomp;
  heredoc.expand = CountQuotes(heredoc.name) == CountQuotes(with_quotes);
  heredoc.file_descriptor = static_cast<unsigned>(std::min<uint64_t>(
      ParseUint(word.substr(0, digits)).value_or(0), 0x7fffffff));
  return std::optional<Heredoc>(std::move(heredoc));
}

Result<std::vector<Heredoc>> FindHeredocs(std::string_view line) {
  std::vector<Heredoc> found;
  if (line.find("<<") == std::string_view::npos) return found;
  // A line that is no shell words, an apostrophe in it for example, has none.
  auto lexed =
      ShellLex(line, {},
               {.keep_quotes = true, .keep_escapes = true, .keep_unset = true});
  if (!lexed) return found;
  for (const std::string& word : lexed->words) {
    ASSIGN_OR_RETURN(std::optional<Heredoc> heredoc, ParseHeredocWord(word));
    if (heredoc) found.push_back(std::move(*heredoc));
  }
  return found;
}

std::optional<HeredocBody> ReadHeredocBody(const Heredoc& heredoc,
                                           Lexer& lexer) {
  HeredocBody body{.doc = heredoc, .raw_content = {}};
  while (auto line = lexer.NextPhysical()) {
    if (!body.doc.range.known()) {
      body.doc.range = {.start_line = line->number, .start_column = 1};
    }
    std::string_view candidate = TrimLineEnding(line->text);
    size_t length = candidate.size();
    if (heredoc.chomp) {
      size_t tabs = candidate.find_first_not_of('\t');
      candidate.remove_prefix(tabs == std::string_view::npos ? length : tabs);
    }
    if (candidate == heredoc.name) {
      body.doc.range.end_line = line->number;
      body.doc.range.end_column = static_cast<int>(length) + 1;
      body.doc.content =
          heredoc.chomp ? ChompLeadingTabs(body.raw_content) : body.raw_content;
      return body;
    }
    body.raw_content += line->text;
  }
  return {};
}

std::string ChompLeadingTabs(std::string_view body) {
  std::string out;
  bool line_start = true;
  for (char c : body) {
    if (line_start && c == '\t') continue;
    out += c;
    line_start = c == '\n';
  }
  return out;
}

}  // namespace strake::dockerfile
