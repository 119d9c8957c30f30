// Metadata instructions as arithmetic on an image configuration: values are
// expanded already, each call does one instruction and adds its history entry
// (Dockerfile reference; BuildKit's `created_by` texts).
//
// Pure functions; errors are the messages that BuildKit gives.

#ifndef STRAKE_BUILDER_PLAN_UPDATE_CONFIG_H_
#define STRAKE_BUILDER_PLAN_UPDATE_CONFIG_H_

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "oci/image_config.h"
#include "util/result.h"

namespace strake::builder::plan {

inline constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
inline constexpr std::string_view kDefaultWindowsPath =
    "c:\\Windows\\System32;c:\\Windows;"
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0";
// "PATH=..." for images of `platform` that bring none.
std::string DefaultPathEntry(const oci::Platform& platform);

using KeyValue = std::pair<std::string, std::string>;

enum class HasLayer { kNo, kYes };
// Appends an entry made by this builder.
void AddHistory(oci::ImageConfig& config, std::string created_by,
                HasLayer layer);

// The configuration of `FROM scratch`.
oci::ImageConfig ScratchConfig(const oci::Platform& platform);

void ApplyEnv(oci::ImageConfig& config, const std::vector<KeyValue>& pairs);
void ApplyLabels(oci::ImageConfig& config, const std::vector<KeyValue>& pairs);
void ApplyUser(oci::ImageConfig& config, const std::string& user);
void ApplyVolumes(oci::ImageConfig& config,
                  const std::vector<std::string>& volumes);
void ApplyMaintainer(oci::ImageConfig& config, const std::string& name);
void ApplyShell(oci::ImageConfig& config,
                const std::vector<std::string>& shell);
void ApplyHealthcheck(oci::ImageConfig& config, const oci::HealthCheck& check);

// `ports` as "80", "80/tcp", "8000-8010/udp", "127.0.0.1:80:80": ranges are
// spelled out, addresses and host ports dropped.
Status ApplyExpose(oci::ImageConfig& config,
                   const std::vector<std::string>& ports);
// A signal's name (with or without SIG, RTMIN+n) or number.
Status ApplyStopSignal(oci::ImageConfig& config, const std::string& signal);

// `args` as written (exec form), or the one string of the shell form, which is
// given to the configuration's SHELL.
struct CommandLine {
  std::vector<std::string> args;
  bool shell_form = false;
};
std::vector<std::string> WithShell(const oci::ImageConfig& config,
                                   const CommandLine& command);
void ApplyCmd(oci::ImageConfig& config, const CommandLine& command);
// `cmd_is_own`: CMD was set in this stage already; an inherited one is reset.
void ApplyEntrypoint(oci::ImageConfig& config, const CommandLine& command,
                     bool cmd_is_own);

// Joins `path` to the configuration's working directory, cleaned.
std::string ResolveWorkdir(const oci::ImageConfig& config,
                           std::string_view path);

}  // namespace strake::builder::plan

#endif  // STRAKE_BUILDER_PLAN_UPDATE_CONFIG_H_
