#include "dockerfile/expand.h"

#include <utility>

#include "dockerfile/shell_lexer.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

Result<ShellLexResult> Lex(std::string_view text, const VariableLookup& lookup,
                           const ShellLexOptions& options) {
  auto result = ShellLex(text, lookup, options);
  if (!result) {
    return std::move(result).error().Wrap("failed to process " + GoQuote(text));
  }
  return result;
}

Result<Expansion> ToExpansion(Result<ShellLexResult> result) {
  if (!result) return std::move(result).error();
  return Expansion{.text = std::move(result->text),
                   .matched = std::move(result->matched),
                   .unmatched = std::move(result->unmatched)};
}

}  // namespace

Result<Expansion> ExpandWord(std::string_view word,
                             const VariableLookup& lookup, char escape) {
  return ToExpansion(Lex(word, lookup, {.escape = escape}));
}

Result<WordsExpansion> ExpandWords(std::string_view text,
                                   const VariableLookup& lookup, char escape) {
  ASSIGN_OR_RETURN(ShellLexResult result,
                   Lex(text, lookup, {.escape = escape}));
  return WordsExpansion{.words = std::move(result.words),
                        .matched = std::move(result.matched),
                        .unmatched = std::move(result.unmatched)};
}

Result<Expansion> ExpandHeredoc(std::string_view body,
                                const VariableLookup& lookup) {
  return ToExpansion(ShellLex(body, lookup, {.ignore_quotes = true}));
}

}  // namespace strake::dockerfile
