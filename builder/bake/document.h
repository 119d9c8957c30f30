// A YAML or JSON document as plain values that know their line. Pure.

#ifndef STRAKE_BUILDER_BAKE_DOCUMENT_H_
#define STRAKE_BUILDER_BAKE_DOCUMENT_H_

#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::builder::bake {

struct Node {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  int line = 0;                   // from 1
  std::string text;               // kScalar, as written: "true", "1.50"
  std::vector<std::string> keys;  // kMap: of `items`, in their order
  std::vector<Node> items;        // kList, kMap

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  // The value of `key`; null where this has none or is no map.
  const Node* Find(std::string_view key) const;
};

// Reads one document; anchors, aliases and `<<` are resolved. An empty one is
// kNull. `kInvalidArgument`: "FILE:LINE: what is wrong".
Result<Node> ParseYaml(std::string_view text, const std::string& file);
Result<Node> ParseJsonDocument(std::string_view text, const std::string& file);

// An error at `node` of `file`.
Error ErrorAt(const std::string& file, const Node& node,
              const std::string& message);

}  // namespace strake::builder::bake

#endif  // STRAKE_BUILDER_BAKE_DOCUMENT_H_
