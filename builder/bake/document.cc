#include "builder/bake/document.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <utility>

#include "util/json.h"
#include "util/result_macros.h"

namespace strake::builder::bake {
namespace {

// A document that names its aliases within each other grows without end.
constexpr size_t kMaxNodes = 100000;
constexpr int kMaxDepth = 100;

class Converter {
 public:
  explicit Converter(const std::string& file) : file_(file) {}

  Result<Node> Convert(const YAML::Node& yaml, int depth = 0) {
    Node node;
    node.line = yaml.Mark().line + 1;
    if (++count_ > kMaxNodes || depth > kMaxDepth) {
      return ErrorAt(file_, node, "the document is too large");
    }
    switch (yaml.Type()) {
      case YAML::NodeType::Scalar:
        node.kind = Node::Kind::kScalar;
        node.text = yaml.Scalar();
        break;
      case YAML::NodeType::Sequence:
        node.kind = Node::Kind::kList;
        for (const YAML::Node& item : yaml) {
          ASSIGN_OR_RETURN(Node converted, Convert(item, depth + 1));
          node.items.push_back(std::move(converted));
        }
        break;
      case YAML::NodeType::Map:
        node.kind = Node::Kind::kMap;
        RETURN_IF_ERROR(ConvertMap(yaml, depth, node));
        break;
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        break;
    }
    return node;
  }

 private:
  Status ConvertMap(const YAML::Node& yaml, int depth, Node& node) {
    std::vector<Node> merged;
    for (const auto& member : yaml) {
      if (!member.first.IsScalar()) {
        return ErrorAt(file_, node, "a key is not a word");
      }
      ASSIGN_OR_RETURN(Node value, Convert(member.second, depth + 1));
      if (value.is_null()) value.line = member.first.Mark().line + 1;
      const std::string& key = member.first.Scalar();
      if (key == "<<") {
        merged.push_back(std::move(value));
      } else if (node.Find(key) != nullptr) {
        return ErrorAt(file_, value, "\"" + key + "\" stands here twice");
      } else {
        node.keys.push_back(key);
        node.items.push_back(std::move(value));
      }
    }
    for (const Node& other : merged) Merge(other, node);
    return {};
  }

  static void Merge(const Node& other, Node& node) {
    if (other.is_list()) {
      for (const Node& item : other.items) Merge(item, node);
    }
    if (!other.is_map()) return;
    for (size_t i = 0; i < other.items.size(); ++i) {
      if (node.Find(other.keys[i]) != nullptr) continue;
      node.keys.push_back(other.keys[i]);
      node.items.push_back(other.items[i]);
    }
  }

  const std::string& file_;
  size_t count_ = 0;
};

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

const Node* Node::Find(std::string_view key) const {
  auto found = std::ranges::find(keys, key);
  if (found == keys.end()) return nullptr;
  return &items[static_cast<size_t>(found - keys.begin())];
}

Error ErrorAt(const std::string& file, const Node& node,
              const std::string& message) {
  return InvalidArgument(file + ":" + std::to_string(node.line) + ": " +
                         message);
}

Result<Node> ParseYaml(std::string_view text, const std::string& file) {
  // yaml-cpp throws; nothing of that leaves this function.
  try {
    return Converter(file).Convert(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    Node at;
    at.line = error.mark.line + 1;
    return ErrorAt(file, at, error.msg);
  }
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
