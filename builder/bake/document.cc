#include "builder/bake/document.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "util/json.h"

namespace strake::builder::bake {
namespace {

// The code unit of "\\u1234" at the start of `text`, which is valid JSON.
uint32_t CodeUnit(std::string_view text) {
  uint32_t unit = 0;
  std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return unit;
}

// JSON writes a character beyond U+FFFF as two escapes, which YAML refuses.
//   json  a valid document, in which "\\" stands within strings only
std::string JoinSurrogates(std::string_view json) {
  std::string yaml;
  while (!json.empty()) {
    size_t plain = std::min(json.find('\\'), json.size());
    yaml += json.substr(0, plain);
    json.remove_prefix(plain);
    if (json.empty()) break;
    uint32_t high = json[1] == 'u' ? CodeUnit(json) : 0;
    if (high < 0xD800 || high > 0xDBFF) {
      yaml += json.substr(0, 2);
      json.remove_prefix(2);
      continue;
    }
    uint32_t low = CodeUnit(json.substr(6));
    uint32_t point = 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
    char escape[16];
    std::snprintf(escape, sizeof(escape), "\\U%08x", point);
    yaml += escape;
    json.remove_prefix(12);
  }
  return yaml;
}

}  // namespace

Error ErrorAt(const std::string& file, const Node& node,
              const std::string& message) {
  return InvalidArgument(file + ":" + std::to_string(node.mark.line) + ": " +
                         message);
}

Result<Node> ParseYaml(std::string_view text, const std::string& file) {
  Node at;
  auto root = strake::ParseYaml(text, DuplicateKeys::kRefuse, &at.mark);
  if (!root) return ErrorAt(file, at, root.error().message());
  return root;
}

Result<Node> ParseJsonDocument(std::string_view text, const std::string& file) {
  if (auto json = ParseJson(text); !json) {
    return std::move(json).error().Wrap(file);
  }
  // JSON is YAML, but for characters in two escapes, and for the tabs that may
  // stand between its tokens (within a string they are written "\t").
  std::string yaml = JoinSurrogates(text);
  std::ranges::replace(yaml, '\t', ' ');
  return ParseYaml(yaml, file);
}

}  // namespace strake::builder::bake
