#include "util/suggest.h"

#include <algorithm>
#include <numeric>

#include "util/strings.h"

namespace strake {

size_t EditDistance(std::string_view a, std::string_view b) {
  // One row of the usual table; `diagonal` is the cell up and to the left.
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min(std::min(above, row[j - 1]) + 1,
                        diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::optional<std::string> Suggest(std::string_view word,
                                   const std::vector<std::string>& candidates) {
  std::string lower = ToLower(word);
  size_t limit = std::clamp<size_t>((word.size() + 2) / 3, 1, 3);
  std::optional<std::string> best;
  for (const std::string& candidate : candidates) {
    if (candidate == word) return {};
    // Every missing or extra letter counts.
    if (candidate.size() > word.size() + limit ||
        word.size() > candidate.size() + limit) {
      continue;
    }
    size_t distance = EditDistance(lower, ToLower(candidate));
    if (distance <= limit) {
      best = candidate;
      if (distance == 0) break;
      limit = distance - 1;
    }
  }
  return best;
}

std::string DidYouMean(std::string_view word,
                       const std::vector<std::string>& candidates) {
  auto suggestion = Suggest(word, candidates);
  return suggestion ? " (did you mean " + *suggestion + "?)" : "";
}

}  // namespace strake
