#include "util/yaml.h"

#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <utility>

#include "util/result_macros.h"

namespace strake {
namespace {

// A document that names its aliases within each other grows without end.
constexpr size_t kMaxNodes = 100000;
constexpr int kMaxDepth = 100;

YamlMark MarkOf(const YAML::Mark& mark) {
  return {mark.line + 1, mark.column + 1};
}

class Converter {
 public:
  Converter(DuplicateKeys duplicates, YamlMark& failed)
      : duplicates_(duplicates), failed_(failed) {}

  Result<YamlNode> Convert(const YAML::Node& yaml, int depth = 0) {
    YamlNode node;
    node.mark = MarkOf(yaml.Mark());
    if (++count_ > kMaxNodes || depth > kMaxDepth) {
      return ErrorAt(node.mark, "the document is too large");
    }
    switch (yaml.Type()) {
      case YAML::NodeType::Scalar:
        node.kind = YamlNode::Kind::kScalar;
        node.text = yaml.Scalar();
        node.plain = yaml.Tag() == "?";
        break;
      case YAML::NodeType::Sequence:
        node.kind = YamlNode::Kind::kList;
        for (const YAML::Node& item : yaml) {
          ASSIGN_OR_RETURN(YamlNode converted, Convert(item, depth + 1));
          if (converted.is_null()) converted.mark = node.mark;
          node.items.push_back(std::move(converted));
        }
        break;
      case YAML::NodeType::Map:
        node.kind = YamlNode::Kind::kMap;
        RETURN_IF_ERROR(ConvertMap(yaml, depth, node));
        break;
      case YAML::NodeType::Null:
      case YAML::NodeType::Undefined:
        break;
    }
    return node;
  }

 private:
  Error ErrorAt(YamlMark mark, std::string message) {
    failed_ = mark;
    return InvalidArgument(std::move(message));
  }

  Status ConvertMap(const YAML::Node& yaml, int depth, YamlNode& node) {
    std::vector<YamlNode> merged;
    for (const auto& member : yaml) {
      if (!member.first.IsScalar()) {
        return ErrorAt(node.mark, "a key is not a word");
      }
      ASSIGN_OR_RETURN(YamlNode value, Convert(member.second, depth + 1));
      YamlMark mark = MarkOf(member.first.Mark());
      if (value.is_null()) value.mark = mark;
      const std::string& key = member.first.Scalar();
      if (key == "<<") {
        merged.push_back(std::move(value));
      } else if (duplicates_ == DuplicateKeys::kRefuse &&
                 node.Find(key) != nullptr) {
        return ErrorAt(value.mark, "\"" + key + "\" stands here twice");
      } else {
        Add(key, mark, std::move(value), node);
      }
    }
    for (const YamlNode& other : merged) Merge(other, node);
    return {};
  }

  static void Add(const std::string& key, YamlMark mark, YamlNode value,
                  YamlNode& node) {
    node.keys.push_back(key);
    node.key_marks.push_back(mark);
    node.items.push_back(std::move(value));
  }

  static void Merge(const YamlNode& other, YamlNode& node) {
    if (other.is_list()) {
      for (const YamlNode& item : other.items) Merge(item, node);
    }
    if (!other.is_map()) return;
    for (size_t i = 0; i < other.items.size(); ++i) {
      bool shadowed = other.Find(other.keys[i]) != &other.items[i];
      if (shadowed || node.Find(other.keys[i]) != nullptr) continue;
      Add(other.keys[i], other.key_marks[i], other.items[i], node);
    }
  }

  DuplicateKeys duplicates_;
  YamlMark& failed_;
  size_t count_ = 0;
};

}  // namespace

const YamlNode* YamlNode::Find(std::string_view key) const {
  for (size_t i = keys.size(); i-- > 0;) {
    if (keys[i] == key) return &items[i];
  }
  return nullptr;
}

Result<YamlNode> ParseYaml(std::string_view text, DuplicateKeys duplicates,
                           YamlMark* failed) {
  YamlMark ignored;
  YamlMark& at = failed != nullptr ? *failed : ignored;
  // yaml-cpp throws; nothing of that leaves this function.
  try {
    return Converter(duplicates, at).Convert(YAML::Load(std::string(text)));
  } catch (const YAML::DeepRecursion& error) {
    at = MarkOf(error.mark);
    return InvalidArgument("the document is nested too deeply");
  } catch (const YAML::Exception& error) {
    at = MarkOf(error.mark);
    return InvalidArgument(error.msg);
  }
}

}  // namespace strake
