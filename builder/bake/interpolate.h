// Variables in the texts of bake and compose files. Pure.

#ifndef STRAKE_BUILDER_BAKE_INTERPOLATE_H_
#define STRAKE_BUILDER_BAKE_INTERPOLATE_H_

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::builder::bake {

// The value of a variable, or nothing where it is not set.
using Lookup = std::function<std::optional<std::string>(std::string_view name)>;

// HCL's "${NAME}" and "${NAME.MEMBER}"; "$${" is a literal "${". Functions and
// operators are `kUnsupported`, a variable that there is not is
// `kInvalidArgument`.
Result<std::string> InterpolateHcl(std::string_view text, const Lookup& lookup);

// Compose's "$NAME", "${NAME}", "${NAME:-word}", "${NAME-word}", with "+" and
// "?" in the place of "-"; "$$" is a literal "$". Words may hold variables. A
// variable that is not set is empty.
Result<std::string> InterpolateCompose(std::string_view text,
                                       const Lookup& lookup);

}  // namespace strake::builder::bake

#endif  // STRAKE_BUILDER_BAKE_INTERPOLATE_H_
