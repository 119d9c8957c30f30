// What a backend cannot do of what a step asks for, and does the step without.

#ifndef STRAKE_BUILDER_SANDBOX_WITHOUT_EFFECT_H_
#define STRAKE_BUILDER_SANDBOX_WITHOUT_EFFECT_H_

#include <string>
#include <string_view>
#include <vector>

#include "builder/sandbox/sandbox.h"

namespace strake::builder::sandbox {

// A sentence for each wish of `spec` that has no effect in the backend called
// `isolation` (`Sandbox::name`).
//   unasked_hostname  one that nobody will miss
std::vector<std::string> WithoutEffect(std::string_view isolation,
                                       const ProcessSpec& spec,
                                       std::string_view unasked_hostname);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_WITHOUT_EFFECT_H_
