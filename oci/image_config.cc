#include "oci/image_config.h"

#include <algorithm>
#include <array>

#include "oci/descriptor_json.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 10> kKnownMembers = {
    "architecture", "author",     "config",      "created", "history",
    "os",           "os.version", "os.features", "rootfs",  "variant"};
constexpr std::array<std::string_view, 13> kKnownConfigMembers = {
    "ArgsEscaped", "Cmd",     "Entrypoint", "Env",   "ExposedPorts",
    "Healthcheck", "Labels",  "OnBuild",    "Shell", "StopSignal",
    "User",        "Volumes", "WorkingDir"};

// What Go programs write for "no time"; our timestamps do not reach so far.
constexpr std::string_view kGoZeroTime = "0001-01-01T00:00:00Z";

Result<std::optional<Timestamp>> ReadTime(const JsonField& field) {
  ASSIGN_OR_RETURN(std::string text, field.StringOr(""));
  if (text.empty() || text == kGoZeroTime) return std::optional<Timestamp>();
  auto time = ParseTimestamp(text);
  if (!time) return std::move(time).error().Wrap(field.path());
  return std::optional(*time);
}

using OptionalStrings = std::optional<std::vector<std::string>>;

Result<OptionalStrings> ReadOptionalStrings(const JsonField& field) {
  if (!field.present()) return OptionalStrings();
  ASSIGN_OR_RETURN(std::vector<std::string> strings, field.Strings());
  return OptionalStrings(std::move(strings));
}

// A set as Docker writes one: an object whose values mean nothing.
Result<std::set<std::string>> ReadKeys(const JsonField& field) {
  std::set<std::string> keys;
  if (!field.present()) return keys;
  if (!field.raw().is_object()) {
    return InvalidArgument(field.path() + ": expected an object, found " +
                           field.raw().type_name());
  }
  for (auto it = field.raw().begin(); it != field.raw().end(); ++it) {
    keys.insert(it.key());
  }
  return keys;
}

template <typename Known>
std::map<std::string, std::string> OtherMembers(const JsonField& field,
                                                const Known& known) {
  std::map<std::string, std::string> others;
  if (!field.present() || !field.raw().is_object()) return others;
  for (auto it = field.raw().begin(); it != field.raw().end(); ++it) {
    if (std::ranges::find(known, it.key()) != known.end()) continue;
    others.emplace(it.key(), DumpJson(it.value()));
  }
  return others;
}

Result<std::chrono::nanoseconds> ReadDuration(const JsonField& field) {
  ASSIGN_OR_RETURN(int64_t count, field.IntOr(0));
  return std::chrono::nanoseconds(count);
}

Result<std::optional<HealthCheck>> ReadHealthCheck(const JsonField& field) {
  if (!field.present()) return std::optional<HealthCheck>();
  HealthCheck check;
  ASSIGN_OR_RETURN(check.test, field.At("Test").StringsOr({}));
  ASSIGN_OR_RETURN(check.interval, ReadDuration(field.At("Interval")));
  ASSIGN_OR_RETURN(check.timeout, ReadDuration(field.At("Timeout")));
  ASSIGN_OR_RETURN(check.start_period, ReadDuration(field.At("StartPeriod")));
  ASSIGN_OR_RETURN(check.start_interval,
                   ReadDuration(field.At("StartInterval")));
  ASSIGN_OR_RETURN(check.retries, field.At("Retries").IntOr(0));
  return std::optional(std::move(check));
}

Status ReadInnerConfig(const JsonField& field, ImageConfig& config) {
  if (!field.present()) return {};
  if (!field.raw().is_object()) {
    return InvalidArgument("config: expected an object, found " +
                           std::string(field.raw().type_name()));
  }
  ASSIGN_OR_RETURN(config.user, field.At("User").StringOr(""));
  ASSIGN_OR_RETURN(config.exposed_ports, ReadKeys(field.At("ExposedPorts")));
  ASSIGN_OR_RETURN(config.env, field.At("Env").StringsOr({}));
  ASSIGN_OR_RETURN(config.entrypoint,
                   ReadOptionalStrings(field.At("Entrypoint")));
  ASSIGN_OR_RETURN(config.cmd, ReadOptionalStrings(field.At("Cmd")));
  ASSIGN_OR_RETURN(config.args_escaped, field.At("ArgsEscaped").BoolOr(false));
  ASSIGN_OR_RETURN(config.volumes, ReadKeys(field.At("Volumes")));
  ASSIGN_OR_RETURN(config.working_dir, field.At("WorkingDir").StringOr(""));
  ASSIGN_OR_RETURN(config.labels, field.At("Labels").StringMapOr({}));
  ASSIGN_OR_RETURN(config.stop_signal, field.At("StopSignal").StringOr(""));
  ASSIGN_OR_RETURN(config.healthcheck,
                   ReadHealthCheck(field.At("Healthcheck")));
  ASSIGN_OR_RETURN(config.on_build, field.At("OnBuild").StringsOr({}));
  ASSIGN_OR_RETURN(config.shell, ReadOptionalStrings(field.At("Shell")));
  config.other_config_members = OtherMembers(field, kKnownConfigMembers);
  return {};
}

Status ReadDiffIds(const JsonField& rootfs, ImageConfig& config) {
  ASSIGN_OR_RETURN(std::string type, rootfs.At("type").StringOr("layers"));
  if (type != "layers") {
    return Unsupported("rootfs.type \"" + type +
                       "\" is not supported (only \"layers\" is)");
  }
  ASSIGN_OR_RETURN(std::vector<std::string> texts,
                   rootfs.At("diff_ids").StringsOr({}));
  for (const std::string& text : texts) {
    auto diff_id = Digest::Parse(text);
    if (!diff_id) return std::move(diff_id).error().Wrap("rootfs.diff_ids");
    config.diff_ids.push_back(*diff_id);
  }
  return {};
}

Result<History> ReadHistory(const JsonField& field) {
  History history;
  ASSIGN_OR_RETURN(history.created, ReadTime(field.At("created")));
  ASSIGN_OR_RETURN(history.created_by, field.At("created_by").StringOr(""));
  ASSIGN_OR_RETURN(history.author, field.At("author").StringOr(""));
  ASSIGN_OR_RETURN(history.comment, field.At("comment").StringOr(""));
  ASSIGN_OR_RETURN(history.empty_layer, field.At("empty_layer").BoolOr(false));
  return history;
}

json KeysJson(const std::set<std::string>& keys) {
  json object = json::object();
  for (const std::string& key : keys) object[key] = json::object();
  return object;
}

void SetUnlessEmpty(json& object, const char* key, const std::string& value) {
  if (!value.empty()) object[key] = value;
}

// What was kept as text by `OtherMembers` is JSON again.
void AddOthers(json& object, const std::map<std::string, std::string>& others) {
  for (const auto& [key, text] : others) {
    auto value = ParseJson(text);
    if (value && !object.contains(key)) object[key] = std::move(*value);
  }
}

json HealthCheckJson(const HealthCheck& check) {
  json object = json::object();
  if (!check.test.empty()) object["Test"] = check.test;
  auto set_unless_zero = [&](const char* key, int64_t value) {
    if (value != 0) object[key] = value;
  };
  set_unless_zero("Interval", check.interval.count());
  set_unless_zero("Timeout", check.timeout.count());
  set_unless_zero("StartPeriod", check.start_period.count());
  set_unless_zero("StartInterval", check.start_interval.count());
  set_unless_zero("Retries", check.retries);
  return object;
}

json InnerConfigJson(const ImageConfig& config) {
  json inner = json::object();
  SetUnlessEmpty(inner, "User", config.user);
  if (!config.exposed_ports.empty()) {
    inner["ExposedPorts"] = KeysJson(config.exposed_ports);
  }
  if (!config.env.empty()) inner["Env"] = config.env;
  if (config.entrypoint) inner["Entrypoint"] = *config.entrypoint;
  if (config.cmd) inner["Cmd"] = *config.cmd;
  if (config.args_escaped) inner["ArgsEscaped"] = true;
  if (!config.volumes.empty()) inner["Volumes"] = KeysJson(config.volumes);
  SetUnlessEmpty(inner, "WorkingDir", config.working_dir);
  if (!config.labels.empty()) inner["Labels"] = config.labels;
  SetUnlessEmpty(inner, "StopSignal", config.stop_signal);
  if (config.healthcheck) {
    inner["Healthcheck"] = HealthCheckJson(*config.healthcheck);
  }
  if (!config.on_build.empty()) inner["OnBuild"] = config.on_build;
  if (config.shell) inner["Shell"] = *config.shell;
  AddOthers(inner, config.other_config_members);
  return inner;
}

json HistoryJson(const History& history) {
  json object = json::object();
  if (history.created) object["created"] = FormatTimestamp(*history.created);
  SetUnlessEmpty(object, "created_by", history.created_by);
  SetUnlessEmpty(object, "author", history.author);
  SetUnlessEmpty(object, "comment", history.comment);
  if (history.empty_layer) object["empty_layer"] = true;
  return object;
}

}  // namespace

Result<ImageConfig> ParseImageConfig(std::string_view text) {
  ASSIGN_OR_RETURN(json parsed, ParseJson(text));
  if (!parsed.is_object()) {
    return InvalidArgument("expected an image config, found " +
                           std::string(parsed.type_name()));
  }
  JsonField document(parsed);
  ImageConfig config;
  ASSIGN_OR_RETURN(config.platform, ReadPlatform(document));
  ASSIGN_OR_RETURN(config.author, document.At("author").StringOr(""));
  ASSIGN_OR_RETURN(config.created, ReadTime(document.At("created")));
  RETURN_IF_ERROR(ReadInnerConfig(document.At("config"), config));
  RETURN_IF_ERROR(ReadDiffIds(document.At("rootfs"), config));
  if (document.At("history").present()) {
    ASSIGN_OR_RETURN(std::vector<JsonField> entries,
                     document.At("history").Array());
    for (const JsonField& entry : entries) {
      ASSIGN_OR_RETURN(History history, ReadHistory(entry));
      config.history.push_back(std::move(history));
    }
  }
  config.other_members = OtherMembers(document, kKnownMembers);
  return config;
}

Status CheckPlatform(std::string_view json, const Platform& wanted) {
  auto config = ParseImageConfig(json);
  if (!config) return std::move(config).error().Wrap("image config");
  if (PlatformMatchScore(config->platform, wanted) > 0) return {};
  return NotFound("no image for platform " + wanted.ToString() +
                  ": it is no index, and the image is for " +
                  NormalizePlatform(config->platform).ToString());
}

std::string SerializeImageConfig(const ImageConfig& config) {
  json document = json::object();
  document["architecture"] = config.platform.architecture;
  document["os"] = config.platform.os;
  SetUnlessEmpty(document, "variant", config.platform.variant);
  SetUnlessEmpty(document, "os.version", config.platform.os_version);
  if (!config.platform.os_features.empty()) {
    document["os.features"] = config.platform.os_features;
  }
  SetUnlessEmpty(document, "author", config.author);
  if (config.created) document["created"] = FormatTimestamp(*config.created);
  document["config"] = InnerConfigJson(config);
  json diff_ids = json::array();
  for (const Digest& id : config.diff_ids) diff_ids.push_back(id.ToString());
  document["rootfs"] = {{"type", "layers"}, {"diff_ids", std::move(diff_ids)}};
  json history = json::array();
  for (const History& h : config.history) history.push_back(HistoryJson(h));
  if (!history.empty()) document["history"] = std::move(history);
  AddOthers(document, config.other_members);
  return DumpJson(document);
}

std::optional<std::string> FindEnv(const std::vector<std::string>& env,
                                   std::string_view name) {
  for (const std::string& entry : env) {
    if (entry.size() > name.size() && entry[name.size()] == '=' &&
        entry.starts_with(name)) {
      return entry.substr(name.size() + 1);
    }
  }
  return std::nullopt;
}

void SetEnv(std::vector<std::string>& env, std::string_view name,
            std::string_view value) {
  std::string wanted = std::string(name) + "=" + std::string(value);
  for (std::string& entry : env) {
    if (entry.size() > name.size() && entry[name.size()] == '=' &&
        entry.starts_with(name)) {
      entry = std::move(wanted);
      return;
    }
  }
  env.push_back(std::move(wanted));
}

}  // namespace strake::oci
