// A YAML or JSON document as plain values that know their line. Pure.

#ifndef STRAKE_BUILDER_BAKE_DOCUMENT_H_
#define STRAKE_BUILDER_BAKE_DOCUMENT_H_

#include <string>
#include <string_view>

#include "util/result.h"
#include "util/yaml.h"

namespace strake::builder::bake {

using Node = YamlNode;

// Reads one document; anchors, aliases and `<<` are resolved. An empty one is
// kNull. `kInvalidArgument`: "FILE:LINE: what is wrong".
Result<Node> ParseYaml(std::string_view text, const std::string& file);
Result<Node> ParseJsonDocument(std::string_view text, const std::string& file);

// An error at `node` of `file`.
Error ErrorAt(const std::string& file, const Node& node,
              const std::string& message);

}  // namespace strake::builder::bake

#endif  // STRAKE_BUILDER_BAKE_DOCUMENT_H_
