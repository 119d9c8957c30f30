// A YAML document as plain values that know where they stand. Pure.

#ifndef STRAKE_UTIL_YAML_H_
#define STRAKE_UTIL_YAML_H_

#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake {

// Counted from 1; 0: not known.
struct YamlMark {
  int line = 0;
  int column = 0;  // in bytes
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };
  Kind kind = Kind::kNull;
  YamlMark mark;
  std::string text;                 // kScalar, as written: "true", "1.50"
  bool plain = false;               // kScalar: without quotes, block or tag
  std::vector<std::string> keys;    // kMap: of `items`, in their order
  std::vector<YamlMark> key_marks;  // kMap: of `keys`
  std::vector<YamlNode> items;      // kList, kMap

  bool is_null() const { return kind == Kind::kNull; }
  bool is_scalar() const { return kind == Kind::kScalar; }
  bool is_list() const { return kind == Kind::kList; }
  bool is_map() const { return kind == Kind::kMap; }
  // The value of `key`, the last of several; null where this has none or is no
  // map.
  const YamlNode* Find(std::string_view key) const;
};

enum class DuplicateKeys {
  kRefuse,
  kKeep,  // all of them, in their order
};

// Reads the first document of `text`; anchors, aliases and `<<` are resolved.
// An empty one is kNull. `kInvalidArgument`: what is wrong.
//   failed  where not null: gets the place of an error
Result<YamlNode> ParseYaml(std::string_view text, DuplicateKeys duplicates,
                           YamlMark* failed = nullptr);

}  // namespace strake

#endif  // STRAKE_UTIL_YAML_H_
