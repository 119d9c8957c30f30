// The nearest spelling, for "did you mean".

#ifndef STRAKE_UTIL_SUGGEST_H_
#define STRAKE_UTIL_SUGGEST_H_

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace strake {

// Levenshtein distance in bytes.
size_t EditDistance(std::string_view a, std::string_view b);

// The candidate nearest to `word`, ignoring ASCII case, if its distance is at
// most a third of the word's length (rounded up, at most 3); the first of
// equals. Nothing where `word` itself is a candidate.
std::optional<std::string> Suggest(std::string_view word,
                                   const std::vector<std::string>& candidates);

// " (did you mean <suggestion>?)" or "".
std::string DidYouMean(std::string_view word,
                       const std::vector<std::string>& candidates);

}  // namespace strake

#endif  // STRAKE_UTIL_SUGGEST_H_
