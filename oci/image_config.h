// The image configuration (image-spec config.md) with Docker's extensions
// (Healthcheck, OnBuild, Shell, ArgsEscaped), which are kept with OCI media
// types too, as BuildKit does.

#ifndef STRAKE_OCI_IMAGE_CONFIG_H_
#define STRAKE_OCI_IMAGE_CONFIG_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "oci/digest.h"
#include "oci/platform.h"
#include "util/result.h"

namespace strake::oci {

// Nanoseconds since the epoch; written as RFC 3339.
using Timestamp = std::chrono::time_point<std::chrono::system_clock,
                                          std::chrono::nanoseconds>;
std::string FormatTimestamp(Timestamp time);
Result<Timestamp> ParseTimestamp(std::string_view text);

struct History {
  std::optional<Timestamp> created;
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;
  friend bool operator==(const History&, const History&) = default;
};

struct HealthCheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", ...}, {"CMD-SHELL", s}
  std::chrono::nanoseconds interval{0};
  std::chrono::nanoseconds timeout{0};
  std::chrono::nanoseconds start_period{0};
  std::chrono::nanoseconds start_interval{0};
  int64_t retries = 0;
  friend bool operator==(const HealthCheck&, const HealthCheck&) = default;
};

struct ImageConfig {
  Platform platform;
  std::string author;
  std::optional<Timestamp> created;

  // The members of the inner "config" object. Absent and empty differ for the
  // optional ones: `CMD []` writes an empty list.
  std::string user;
  std::set<std::string> exposed_ports;  // "80/tcp"
  std::vector<std::string> env;         // "NAME=value", in order
  std::optional<std::vector<std::string>> entrypoint;
  std::optional<std::vector<std::string>> cmd;
  bool args_escaped = false;
  std::set<std::string> volumes;
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<HealthCheck> healthcheck;
  std::vector<std::string> on_build;
  std::optional<std::vector<std::string>> shell;

  std::vector<Digest> diff_ids;  // lowest layer first
  std::vector<History> history;  // oldest first

  // Members that strake does not know, of the document and of its "config",
  // as compact JSON by name: they are written back as they came.
  std::map<std::string, std::string> other_members;
  std::map<std::string, std::string> other_config_members;

  friend bool operator==(const ImageConfig&, const ImageConfig&) = default;
};

Result<ImageConfig> ParseImageConfig(std::string_view json);
// Compact JSON with keys in alphabetical order, as BuildKit writes it.
std::string SerializeImageConfig(const ImageConfig& config);

// Whether the image with the config `json` serves `wanted`, as an entry of an
// index would. `kNotFound` names what it is for.
Status CheckPlatform(std::string_view json, const Platform& wanted);

// The value of `name` in `env`, or nothing.
std::optional<std::string> FindEnv(const std::vector<std::string>& env,
                                   std::string_view name);
// Replaces `name` where it stands, else appends it.
void SetEnv(std::vector<std::string>& env, std::string_view name,
            std::string_view value);

}  // namespace strake::oci

#endif  // STRAKE_OCI_IMAGE_CONFIG_H_
