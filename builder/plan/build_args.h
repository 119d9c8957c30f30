// Build arguments and the scopes in which they are seen (Dockerfile reference,
// "ARG", "Predefined ARGs", "Automatic platform ARGs").

#ifndef STRAKE_BUILDER_PLAN_BUILD_ARGS_H_
#define STRAKE_BUILDER_PLAN_BUILD_ARGS_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/platform.h"

namespace strake::builder::plan {

// Variables in the order in which they were first set; setting one again
// replaces its value in place, as a process environment is written.
class VariableScope {
 public:
  void Set(std::string_view name, std::string_view value);
  std::optional<std::string> Find(std::string_view name) const;
  std::vector<std::string> Names() const;
  // "NAME=value", in order.
  const std::vector<std::string>& env() const { return env_; }

 private:
  std::vector<std::string> env_;
};

// What `--build-arg` gave; the last of equal names counts.
class BuildArgs {
 public:
  BuildArgs() = default;
  explicit BuildArgs(
      const std::vector<std::pair<std::string, std::string>>& values);
  std::optional<std::string> Find(std::string_view name) const;
  // The proxies (HTTP_PROXY and its kin, either case) that were given, in both
  // cases: every RUN gets them, no history or cache key shows them.
  std::vector<std::string> ProxyEnv() const;

 private:
  VariableScope values_;
};

// Whether `name` is one of the proxy variables that need no ARG.
bool IsPredefinedArg(std::string_view name);

// TARGETPLATFORM ... BUILDOSVERSION and TARGETSTAGE, each overridden by a build
// argument of its name.
//   target_stage  the target's name; empty: "default"
VariableScope PlatformArgs(const oci::Platform& target,
                           const oci::Platform& build,
                           std::string_view target_stage,
                           const BuildArgs& args);

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_BUILD_ARGS_H_
