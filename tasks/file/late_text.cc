#include "tasks/file/late_text.h"

#include <algorithm>
#include <string_view>

#include "util/strings.h"

namespace strake::tasks::file {
namespace {

// Characters for private use, which YAML takes for letters: U+F6D0, U+F6D1.
constexpr std::string_view kOpen = "\xEF\x9B\x90";
constexpr std::string_view kClose = "\xEF\x9B\x91";

// The length of the action that `text` begins with: its end is not looked for
// within quotes.
size_t ActionLength(std::string_view text) {
  for (std::string_view comment : {"{{/*", "{{- /*"}) {
    if (!text.starts_with(comment)) continue;
    size_t end = text.find("*/", comment.size());
    end = end == std::string_view::npos ? end : text.find("}}", end);
    return end == std::string_view::npos ? text.size() : end + 2;
  }
  char quote = 0;
  for (size_t i = 2; i < text.size(); ++i) {
    if (quote != 0) {
      if (text[i] == '\\' && quote != '`') {
        ++i;
      } else if (text[i] == quote) {
        quote = 0;
      }
    } else if (text[i] == '"' || text[i] == '`' || text[i] == '\'') {
      quote = text[i];
    } else if (text.substr(i).starts_with("}}")) {
      return i + 2;
    }
  }
  return text.size();
}

std::string Show(const HiddenActions& hidden, std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    size_t at = std::min(text.find(kOpen), text.size());
    shown += text.substr(0, at);
    text.remove_prefix(at);
    if (text.empty()) break;
    size_t end = text.find(kClose);
    auto index = end == std::string_view::npos
                     ? std::nullopt
                     : ParseUint(text.substr(kOpen.size(), end - kOpen.size()));
    if (!index || *index >= hidden.actions.size()) {
      shown += kOpen;
      text.remove_prefix(kOpen.size());
      continue;
    }
    shown += hidden.actions[*index];
    text.remove_prefix(end + kClose.size());
  }
  return shown;
}

}  // namespace

HiddenActions HideActions(const MappedText& text) {
  HiddenActions hidden;
  std::string_view rest = text.text;
  int line = 1;
  hidden.text.lines.push_back(SourceLine(text, line));
  while (!rest.empty()) {
    size_t at = std::min(rest.find("{{"), rest.size());
    for (char c : rest.substr(0, at)) {
      hidden.text.text += c;
      if (c == '\n') hidden.text.lines.push_back(SourceLine(text, ++line));
    }
    rest.remove_prefix(at);
    if (rest.empty()) break;
    std::string action(rest.substr(0, ActionLength(rest)));
    rest.remove_prefix(action.size());
    // The lines within an action are one line to YAML.
    line += static_cast<int>(std::ranges::count(action, '\n'));
    hidden.text.text += std::string(kOpen) +
                        std::to_string(hidden.actions.size()) +
                        std::string(kClose);
    hidden.actions.push_back(std::move(action));
  }
  return hidden;
}

void ShowActions(const HiddenActions& hidden, YamlNode& node) {
  if (hidden.actions.empty()) return;
  node.text = Show(hidden, node.text);
  for (std::string& key : node.keys) key = Show(hidden, key);
  for (YamlNode& item : node.items) ShowActions(hidden, item);
}

}  // namespace strake::tasks::file
