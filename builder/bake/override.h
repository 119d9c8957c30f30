// `--set` of `strake bake`. For the `.cc` files of this folder. Pure values.

#ifndef STRAKE_BUILDER_BAKE_OVERRIDE_H_
#define STRAKE_BUILDER_BAKE_OVERRIDE_H_

#include <string>
#include <vector>

#include "builder/bake/target.h"
#include "util/result.h"

namespace strake::builder::bake {

// One `PATTERN.FIELD[.MEMBER]=VALUE`, taken apart.
struct Override {
  std::string pattern;
  const Field* field = nullptr;
  std::string member;
  std::string value;  // kFlag: "true" or "false"
  bool adds = false;  // "+="
};

// Takes `texts` apart. `kInvalidArgument`: no target of `file` is meant, there
// is no such field, or the value is none of it.
Result<std::vector<Override>> ParseOverrides(
    const std::vector<std::string>& texts, const BakeFile& file);

// Puts those that mean `target` over what it says; it has what it inherits.
void ApplyOverrides(const std::vector<Override>& overrides, Target& target);

}  // namespace strake::builder::bake

#endif  // STRAKE_BUILDER_BAKE_OVERRIDE_H_
