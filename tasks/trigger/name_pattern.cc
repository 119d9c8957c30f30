#include "tasks/trigger/name_pattern.h"

#include <utility>

#include "util/strings.h"

namespace strake::tasks::trigger {

// Row by row: which beginnings of the name the pattern so far can be.
bool MatchesName(std::string_view pattern, std::string_view name) {
  std::vector<char> reach(name.size() + 1, 0);
  reach[0] = 1;
  for (size_t at = 0; at < pattern.size(); ++at) {
    bool star = pattern[at] == '*';
    bool across = star && pattern.substr(at, 2) == "**";
    if (across) ++at;
    std::vector<char> next(name.size() + 1, 0);
    if (star) next[0] = reach[0];
    for (size_t i = 0; i < name.size(); ++i) {
      char c = name[i];
      if (star) {
        bool grows = next[i] != 0 && (across || c != '/');
        next[i + 1] = reach[i + 1] != 0 || grows ? 1 : 0;
      } else {
        bool same = pattern[at] == '?' ? c != '/' : pattern[at] == c;
        next[i + 1] = reach[i] != 0 && same ? 1 : 0;
      }
    }
    reach = std::move(next);
  }
  return reach[name.size()] != 0;
}

Result<NamePatterns> NamePatterns::Compile(std::vector<std::string> patterns) {
  NamePatterns compiled;
  for (std::string& pattern : patterns) {
    if (pattern.empty() || pattern == "!" || pattern.size() > 255) {
      return InvalidArgument("the pattern " + GoQuote(pattern.substr(0, 64)) +
                             " is empty or longer than 255 bytes; write a name "
                             "such as main or release/*");
    }
    compiled.patterns_.push_back(std::move(pattern));
  }
  return compiled;
}

bool NamePatterns::Matches(std::string_view name) const {
  bool matches = !patterns_.empty() && patterns_.front().starts_with('!');
  for (std::string_view pattern : patterns_) {
    bool takes = !pattern.starts_with('!');
    if (!takes) pattern.remove_prefix(1);
    if (matches != takes && MatchesName(pattern, name)) matches = takes;
  }
  return matches;
}

std::string NamePatterns::ToString() const { return Join(patterns_, ", "); }

}  // namespace strake::tasks::trigger
