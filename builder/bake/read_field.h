// Values of a document as fields of a target. For the `.cc` files of this
// folder.

#ifndef STRAKE_BUILDER_BAKE_READ_FIELD_H_
#define STRAKE_BUILDER_BAKE_READ_FIELD_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/bake/document.h"
#include "builder/bake/target.h"
#include "util/result.h"

namespace strake::builder::bake {

class FieldReader {
 public:
  using Expand = std::function<Result<std::string>(std::string_view text)>;

  // `expand` puts in the variables; `file` is for messages. Both are borrowed.
  FieldReader(const std::string& file, const Expand& expand)
      : file_(file), expand_(expand) {}

  Result<std::string> Text(const Node& node) const;
  Result<std::string> Flag(const Node& node) const;  // "true" or "false"
  // A list of words; an entry that is a map is written as `--option` has it:
  // "type=registry,ref=x". A single word is a list of one.
  Result<std::vector<std::string>> List(const Node& node) const;
  // A map, or a list of NAME=VALUE; no value: null, or NAME alone.
  Result<std::map<std::string, std::optional<std::string>>> Map(
      const Node& node) const;

  // Sets `field` of `target` to what `node` says; null: nothing.
  Status Read(const Field& field, const Node& node, Target& target) const;

 private:
  Result<std::string> Entry(const Node& map) const;

  const std::string& file_;
  const Expand& expand_;
};

}  // namespace strake::builder::bake

#endif  // STRAKE_BUILDER_BAKE_READ_FIELD_H_
