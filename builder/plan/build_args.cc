#include "builder/plan/build_args.h"

#include <algorithm>
#include <array>

#include "oci/image_config.h"
#include "util/strings.h"

namespace strake::builder::plan {
namespace {

constexpr std::array<std::string_view, 5> kProxies = {
    "HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"};

void SetPlatform(VariableScope& scope, const std::string& prefix,
                 const oci::Platform& platform) {
  scope.Set(prefix + "PLATFORM", platform.ToString());
  scope.Set(prefix + "OS", platform.os);
  scope.Set(prefix + "OSVERSION", platform.os_version);
  scope.Set(prefix + "ARCH", platform.architecture);
  scope.Set(prefix + "VARIANT", platform.variant);
}

}  // namespace

void VariableScope::Set(std::string_view name, std::string_view value) {
  oci::SetEnv(env_, name, value);
}

std::optional<std::string> VariableScope::Find(std::string_view name) const {
  return oci::FindEnv(env_, name);
}

std::vector<std::string> VariableScope::Names() const {
  std::vector<std::string> names;
  for (const std::string& entry : env_) {
    names.push_back(entry.substr(0, entry.find('=')));
  }
  return names;
}

BuildArgs::BuildArgs(
    const std::vector<std::pair<std::string, std::string>>& values) {
  for (const auto& [name, value] : values) values_.Set(name, value);
}

std::optional<std::string> BuildArgs::Find(std::string_view name) const {
  return values_.Find(name);
}

std::vector<std::string> BuildArgs::ProxyEnv() const {
  std::vector<std::string> env;
  for (std::string_view name : kProxies) {
    std::string lower = ToLower(name);
    auto value = Find(name);
    if (!value) value = Find(lower);
    if (!value) continue;
    env.push_back(std::string(name) + "=" + *value);
    env.push_back(lower + "=" + *value);
  }
  return env;
}

bool IsPredefinedArg(std::string_view name) {
  return std::find(kProxies.begin(), kProxies.end(), ToUpper(name)) !=
             kProxies.end() &&
         (name == ToUpper(name) || name == ToLower(name));
}

VariableScope PlatformArgs(const oci::Platform& target,
                           const oci::Platform& build,
                           std::string_view target_stage,
                           const BuildArgs& args) {
  VariableScope scope;
  SetPlatform(scope, "BUILD", build);
  SetPlatform(scope, "TARGET", target);
  scope.Set("TARGETSTAGE", target_stage.empty() ? "default" : target_stage);
  for (const std::string& name : scope.Names()) {
    if (auto value = args.Find(name)) scope.Set(name, *value);
  }
  return scope;
}

}  // namespace strake::builder::plan
