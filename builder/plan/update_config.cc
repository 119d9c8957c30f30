#include "builder/plan/update_config.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::plan {
namespace {

constexpr std::string_view kHistoryComment = "buildkit.dockerfile.v0";

std::string JoinPairs(std::string_view instruction,
                      const std::vector<KeyValue>& pairs) {
  std::string text(instruction);
  for (const auto& [key, value] : pairs) text += " " + key + "=" + value;
  return text;
}

// Go's %v of a time.Duration: "1h0m0s", "1m30s", "1.5s", "10ms", "0s".
std::string GoDuration(std::chrono::nanoseconds duration) {
  int64_t ns = duration.count();
  if (ns == 0) return "0s";
  std::string sign = ns < 0 ? "-" : "";
  uint64_t rest = ns < 0 ? static_cast<uint64_t>(-ns) : uint64_t(ns);
  auto decimal = [](uint64_t whole, uint64_t fraction, int digits) {
    std::string text = std::to_string(whole);
    if (fraction == 0) return text;
    std::string tail = std::to_string(fraction);
    tail.insert(0, static_cast<size_t>(digits) - tail.size(), '0');
    tail.erase(tail.find_last_not_of('0') + 1);
    return text + "." + tail;
  };
  constexpr uint64_t kMicro = 1000, kMilli = 1000000, kSecond = 1000000000;
  if (rest < kMicro) return sign + std::to_string(rest) + "ns";
  if (rest < kMilli) {
    return sign + decimal(rest / kMicro, rest % kMicro, 3) + "µs";
  }
  if (rest < kSecond) {
    return sign + decimal(rest / kMilli, rest % kMilli, 6) + "ms";
  }
  uint64_t seconds = rest / kSecond;
  std::string text = decimal(seconds % 60, rest % kSecond, 9) + "s";
  if (seconds >= 60) text = std::to_string(seconds / 60 % 60) + "m" + text;
  if (seconds >= 3600) text = std::to_string(seconds / 3600) + "h" + text;
  return sign + text;
}

// Go's %v of a []string.
std::string GoList(const std::vector<std::string>& items) {
  return "[" + Join(items, " ") + "]";
}

// Go's %q of a []string.
std::string GoQuotedList(const std::vector<std::string>& items) {
  std::vector<std::string> quoted;
  for (const std::string& item : items) quoted.push_back(GoQuote(item));
  return GoList(quoted);
}

Result<uint32_t> ParsePort(std::string_view text, std::string_view spec) {
  auto port = ParseUint(text);
  if (!port || *port > 65535) {
    return InvalidArgument("invalid containerPort: " + std::string(spec));
  }
  return static_cast<uint32_t>(*port);
}

// "8000-8010/udp" and its kin to "8000/udp" ... "8010/udp".
Result<std::vector<std::string>> ExpandPort(std::string_view spec) {
  std::string_view ports = spec;
  std::string protocol = "tcp";
  if (auto parts = SplitOnce(spec, '/')) {
    ports = parts->first;
    if (!parts->second.empty()) protocol = ToLower(parts->second);
  }
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    return InvalidArgument("invalid proto: " + protocol);
  }
  // What is before the last ":" is an address or a host port.
  std::string_view container = ports.substr(ports.rfind(':') + 1);
  if (container.empty()) {
    return InvalidArgument("no port specified: " + std::string(spec) +
                           "<empty>");
  }
  auto range = SplitOnce(container, '-');
  ASSIGN_OR_RETURN(uint32_t first,
                   ParsePort(range ? range->first : container, spec));
  uint32_t last = first;
  if (range) {
    ASSIGN_OR_RETURN(last, ParsePort(range->second, spec));
  }
  if (last < first) {
    return InvalidArgument("invalid containerPort: " + std::string(spec));
  }
  std::vector<std::string> expanded;
  for (uint32_t port = first; port <= last; ++port) {
    expanded.push_back(std::to_string(port) + "/" + protocol);
  }
  return expanded;
}

constexpr std::array<std::string_view, 37> kSignals = {
    "ABRT", "ALRM", "BUS",   "CHLD",   "CLD",   "CONT", "FPE",    "HUP",
    "ILL",  "INT",  "IO",    "IOT",    "KILL",  "PIPE", "POLL",   "PROF",
    "PWR",  "QUIT", "SEGV",  "STKFLT", "STOP",  "SYS",  "TERM",   "TRAP",
    "TSTP", "TTIN", "TTOU",  "URG",    "USR1",  "USR2", "VTALRM", "WINCH",
    "XCPU", "XFSZ", "RTMIN", "RTMAX",  "UNUSED"};

bool IsSignal(std::string_view text) {
  if (auto number = ParseUint(text)) return *number >= 1 && *number <= 64;
  std::string name = ToUpper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  if (std::find(kSignals.begin(), kSignals.end(), name) != kSignals.end()) {
    return true;
  }
  for (std::string_view base : {"RTMIN+", "RTMAX-"}) {
    if (!name.starts_with(base)) continue;
    auto offset = ParseUint(std::string_view(name).substr(base.size()));
    uint64_t limit = base == "RTMIN+" ? 15 : 14;
    return offset && *offset >= 1 && *offset <= limit;
  }
  return false;
}

std::vector<std::string> DefaultShell(const oci::ImageConfig& config) {
  if (config.platform.os == "windows") return {"cmd", "/S", "/C"};
  return {"/bin/sh", "-c"};
}

}  // namespace

void AddHistory(oci::ImageConfig& config, std::string created_by,
                HasLayer layer) {
  oci::History entry;
  entry.created_by = std::move(created_by);
  entry.comment = kHistoryComment;
  entry.empty_layer = layer == HasLayer::kNo;
  config.history.push_back(std::move(entry));
}

std::string DefaultPathEntry(const oci::Platform& platform) {
  return "PATH=" + std::string(platform.os == "windows" ? kDefaultWindowsPath
                                                        : kDefaultPath);
}

oci::ImageConfig ScratchConfig(const oci::Platform& platform) {
  oci::ImageConfig config;
  config.platform = platform;
  config.working_dir = "/";
  config.env = {DefaultPathEntry(platform)};
  return config;
}

void ApplyEnv(oci::ImageConfig& config, const std::vector<KeyValue>& pairs) {
  for (const auto& [key, value] : pairs) oci::SetEnv(config.env, key, value);
  AddHistory(config, JoinPairs("ENV", pairs), HasLayer::kNo);
}

void ApplyLabels(oci::ImageConfig& config, const std::vector<KeyValue>& pairs) {
  for (const auto& [key, value] : pairs) config.labels[key] = value;
  AddHistory(config, JoinPairs("LABEL", pairs), HasLayer::kNo);
}

void ApplyUser(oci::ImageConfig& config, const std::string& user) {
  config.user = user;
  AddHistory(config, "USER " + user, HasLayer::kNo);
}

void ApplyVolumes(oci::ImageConfig& config,
                  const std::vector<std::string>& volumes) {
  config.volumes.insert(volumes.begin(), volumes.end());
  AddHistory(config, "VOLUME " + GoList(volumes), HasLayer::kNo);
}

void ApplyMaintainer(oci::ImageConfig& config, const std::string& name) {
  config.author = name;
  AddHistory(config, "MAINTAINER " + name, HasLayer::kNo);
}

void ApplyShell(oci::ImageConfig& config,
                const std::vector<std::string>& shell) {
  config.shell = shell;
  AddHistory(config, "SHELL " + GoList(shell), HasLayer::kNo);
}

void ApplyHealthcheck(oci::ImageConfig& config, const oci::HealthCheck& check) {
  config.healthcheck = check;
  AddHistory(config,
             "HEALTHCHECK {Test:" + GoList(check.test) +
                 " Interval:" + GoDuration(check.interval) +
                 " Timeout:" + GoDuration(check.timeout) +
                 " StartPeriod:" + GoDuration(check.start_period) +
                 " StartInterval:" + GoDuration(check.start_interval) +
                 " Retries:" + std::to_string(check.retries) + "}",
             HasLayer::kNo);
}

Status ApplyExpose(oci::ImageConfig& config,
                   const std::vector<std::string>& ports) {
  std::vector<std::string> all;
  for (const std::string& spec : ports) {
    ASSIGN_OR_RETURN(std::vector<std::string> expanded, ExpandPort(spec));
    all.insert(all.end(), expanded.begin(), expanded.end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  config.exposed_ports.insert(all.begin(), all.end());
  AddHistory(config, "EXPOSE " + GoList(all), HasLayer::kNo);
  return {};
}

Status ApplyStopSignal(oci::ImageConfig& config, const std::string& signal) {
  if (!IsSignal(signal)) return InvalidArgument("Invalid signal: " + signal);
  config.stop_signal = signal;
  AddHistory(config, "STOPSIGNAL " + signal, HasLayer::kNo);
  return {};
}

std::vector<std::string> WithShell(const oci::ImageConfig& config,
                                   const CommandLine& command) {
  if (!command.shell_form) return command.args;
  std::vector<std::string> argv = config.shell.value_or(DefaultShell(config));
  argv.insert(argv.end(), command.args.begin(), command.args.end());
  return argv;
}

void ApplyCmd(oci::ImageConfig& config, const CommandLine& command) {
  config.cmd = WithShell(config, command);
  config.args_escaped = true;
  AddHistory(config, "CMD " + GoQuotedList(*config.cmd), HasLayer::kNo);
}

void ApplyEntrypoint(oci::ImageConfig& config, const CommandLine& command,
                     bool cmd_is_own) {
  std::vector<std::string> argv = WithShell(config, command);
  AddHistory(config, "ENTRYPOINT " + GoQuotedList(argv), HasLayer::kNo);
  if (argv.empty()) {
    config.entrypoint.reset();
  } else {
    config.entrypoint = std::move(argv);
  }
  if (!cmd_is_own) config.cmd.reset();
}

std::string ResolveWorkdir(const oci::ImageConfig& config,
                           std::string_view path) {
  if (path.starts_with('/')) return CleanPath(path);
  std::string base = config.working_dir.empty() ? "/" : config.working_dir;
  return CleanPath(base + "/" + std::string(path));
}

}  // namespace strake::builder::plan
