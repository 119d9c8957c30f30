#include "tasks/run/container_request.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <memory>
#include <utility>

#include "tasks/run/container_volumes.h"
#include "tasks/run/path_map.h"
#include "tasks/run/words.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::tasks::run {
namespace {

using Spec = builder::ContainerSpec;
using Takes = Flag::Takes;

constexpr std::string_view kSocketName = "/run/strake";
constexpr std::string_view kOwnAddress = "127.0.0.1";

constexpr std::string_view kNoLimits =
    "a container's resources are not limited here; set limits on what runs "
    "strake";
constexpr std::string_view kNoDevices =
    "devices of this machine cannot be given to a container; use --privileged";
constexpr std::string_view kNoCapabilities =
    "single capabilities cannot be chosen; use --privileged for all of them";
constexpr std::string_view kNoEngine =
    "there is no engine that could keep it running after the task";

constexpr std::array kRunFlags = {
    Flag{"add-host"},
    Flag{"cap-add", 0, Takes::kRefusedValue, kNoCapabilities},
    Flag{"cap-drop", 0, Takes::kRefusedValue, kNoCapabilities},
    Flag{"cpus"},
    Flag{"detach", 'd', Takes::kNothing},
    Flag{"device", 0, Takes::kRefusedValue, kNoDevices},
    Flag{"entrypoint"},
    Flag{"env", 'e'},
    Flag{"env-file"},
    Flag{"expose"},
    Flag{"gpus", 0, Takes::kRefusedValue, kNoDevices},
    Flag{"hostname", 'h'},
    Flag{"init", 0, Takes::kNothing},
    Flag{"interactive", 'i', Takes::kNothing},
    Flag{"isolation"},
    Flag{"label", 'l'},
    Flag{"link"},
    Flag{"memory", 'm'},
    Flag{"mount"},
    Flag{"name"},
    Flag{"net"},
    Flag{"network"},
    Flag{"network-alias"},
    Flag{"platform"},
    Flag{"privileged", 0, Takes::kNothing},
    Flag{"publish", 'p'},
    Flag{"pull"},
    Flag{"quiet", 'q', Takes::kNothing},
    Flag{"restart", 0, Takes::kRefusedValue, kNoEngine},
    Flag{"rm", 0, Takes::kNothing},
    Flag{"shm-size", 0, Takes::kRefusedValue, kNoLimits},
    Flag{"tmpfs"},
    Flag{"tty", 't', Takes::kNothing},
    Flag{"ulimit", 0, Takes::kRefusedValue, kNoLimits},
    Flag{"user", 'u'},
    Flag{"volume", 'v'},
    Flag{"workdir", 'w'},
};

// As docker has it.
bool IsContainerName(std::string_view name) {
  auto is_alphanumeric = [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9');
  };
  return !name.empty() && is_alphanumeric(name[0]) &&
         std::ranges::all_of(name, [&](char c) {
           return is_alphanumeric(c) || c == '_' || c == '.' || c == '-';
         });
}

// The output of a detached container: its own log, and that of the step.
class DetachedOutput {
 public:
  DetachedOutput(RunSpace& space, size_t step, std::string path)
      : space_(space),
        step_(step),
        path_(std::move(path)),
        streams_{MaskingStream(space.log.secrets()),
                 MaskingStream(space.log.secrets())} {}
  void Add(int stream, std::string_view text) {
    std::ofstream(path_, std::ios::app)
        << streams_[stream == 2 ? 1 : 0].Add(text);
    space_.log.Output(step_, stream, text);
  }

 private:
  RunSpace& space_;
  size_t step_;
  std::string path_;
  std::array<MaskingStream, 2> streams_;
};

// Makes one request out of flags and step.
class Maker {
 public:
  Maker(RunSpace& space, const ParsedFlags& flags, const Invocation& invocation,
        const file::Step* step)
      : space_(space),
        flags_(flags),
        invocation_(invocation),
        step_(step),
        spec_(request_.container.spec) {}

  Result<RunRequest> Make() {
    if (flags_.arguments().empty()) {
      return InvalidArgument("docker run: requires at least 1 argument: IMAGE");
    }
    spec_.image = flags_.arguments().front();
    spec_.args.assign(flags_.arguments().begin() + 1, flags_.arguments().end());
    RETURN_IF_ERROR(SetLifecycle());
    RETURN_IF_ERROR(SetEnvironment());
    RETURN_IF_ERROR(SetProcess());
    RETURN_IF_ERROR(SetNetwork());
    RETURN_IF_ERROR(
        AddVolumes(space_, flags_, invocation_, step_, request_.container));
    NoteLimits();
    SetStreams();
    return std::move(request_);
  }

 private:
  // The flag's value, else the step's.
  std::string Choose(std::string_view flag, const std::string& of_step) const {
    if (flags_.Has(flag)) return flags_.Last(flag);
    return UnquotedProperty(of_step);
  }

  Status SetLifecycle() {
    ContainerRequest& container = request_.container;
    container.name = flags_.Last("name");
    request_.detach = flags_.On("detach");
    container.remove = flags_.On("rm");
    const std::string pull = flags_.Last("pull");
    if (pull == "always") {
      spec_.pull = builder::PullPolicy::kAlways;
    } else if (pull == "never") {
      spec_.pull = builder::PullPolicy::kNever;
    } else if (!pull.empty() && pull != "missing") {
      return InvalidArgument("docker run: --pull " + pull +
                             ": expected always, missing or never");
    }
    if (step_ != nullptr && container.name.empty()) container.name = step_->id;
    if (!container.name.empty() && !IsContainerName(container.name)) {
      return InvalidArgument(
          "container name \"" + container.name +
          "\": expected letters, digits, \"_\", \".\" and \"-\", with a letter "
          "or a digit first");
    }
    if (step_ == nullptr) return {};
    request_.detach = request_.detach || step_->detach;
    container.remove = !step_->keep;
    container.replace = true;
    return {};
  }

  Status SetEnvironment() {
    if (step_ != nullptr) {
      spec_.env.push_back("HOME=" + std::string(kHome));
      for (const std::string& entry : step_->env) {
        AddEnv(UnquotedProperty(entry));
      }
    }
    for (const std::string& path : flags_.All("env-file")) {
      RETURN_IF_ERROR(AddEnvFile(path));
    }
    for (const std::string& entry : flags_.All("env")) AddEnv(entry);
    return {};
  }

  // "NAME" alone is taken from the caller, else from where strake runs.
  void AddEnv(const std::string& entry) {
    if (entry.find('=') != std::string::npos) {
      spec_.env.push_back(entry);
      return;
    }
    for (const std::string& own : invocation_.env) {
      if (own.starts_with(entry + "=")) {
        spec_.env.push_back(own);
        return;
      }
    }
    if (!space_.settings.environment) return;
    if (auto value = space_.settings.environment(entry)) {
      spec_.env.push_back(entry + "=" + *value);
    }
  }

  Status AddEnvFile(const std::string& path) {
    ASSIGN_OR_RETURN(
        std::string text,
        ReadShared(space_, AbsolutePath(invocation_.directory, path),
                   "--env-file"));
    for (std::string_view line : Split(text, '\n')) {
      line = TrimLeft(line);
      if (!line.empty() && line[0] != '#') AddEnv(std::string(line));
    }
    return {};
  }

  Status SetProcess() {
    const file::Step none;
    const file::Step& step = step_ == nullptr ? none : *step_;
    const std::string entrypoint = Choose("entrypoint", step.entry_point);
    if (flags_.Has("entrypoint") || !step.entry_point.empty()) {
      spec_.entrypoint = {entrypoint};
    }
    spec_.user = Choose("user", step.user);
    spec_.hostname = flags_.Last("hostname");
    spec_.privileged = flags_.On("privileged") || step.privileged;
    const std::string isolation = Choose("isolation", step.isolation);
    if (!isolation.empty() && isolation != "default") {
      return InvalidArgument("isolation \"" + isolation +
                             "\" is for Windows; on Linux there is only "
                             "\"default\"");
    }
    spec_.platform = space_.settings.platform;
    if (flags_.Has("platform")) {
      ASSIGN_OR_RETURN(spec_.platform,
                       oci::ParsePlatform(flags_.Last("platform")));
    }
    return SetDirectory(step);
  }

  Status SetDirectory(const file::Step& step) {
    if (flags_.Has("workdir")) {
      spec_.working_dir = flags_.Last("workdir");
    } else if (step_ != nullptr && !step.disable_working_directory_override) {
      spec_.working_dir =
          AbsolutePath(kWorkspace, UnquotedProperty(step.working_directory));
    }
    // Below what is mounted it has to be made before that is.
    if (spec_.working_dir.starts_with(std::string(kWorkspace) + "/")) {
      UniqueFd root(::open(space_.folder.workspace().c_str(),
                           O_PATH | O_DIRECTORY | O_CLOEXEC));
      RETURN_IF_ERROR(MakeDirsInRoot(
          root.get(), spec_.working_dir.substr(kWorkspace.size()),
          {.mode = 0777}));
    }
    return {};
  }

  Status SetNetwork() {
    std::string name = step_ == nullptr ? "" : step_->network;
    for (std::string_view flag : {"net", "network"}) {
      if (flags_.Has(flag)) name = flags_.Last(flag);
    }
    if (name == "host") {
      spec_.network = Spec::Network::kHost;
    } else if (name == "none") {
      spec_.network = Spec::Network::kNone;
    } else if (!IsKnownNetwork(name)) {
      return NotFound("network " + name +
                      " not found: name it under `networks:` in the task file");
    }
    if (spec_.network != Spec::Network::kNone) AddHosts();
    for (const std::string& text : flags_.All("add-host")) {
      auto parts = SplitOnce(text, ':');
      if (!parts) parts = SplitOnce(text, '=');
      if (!parts) {
        return InvalidArgument("docker run: --add-host " + text +
                               ": expected NAME:ADDRESS");
      }
      spec_.extra_hosts.emplace_back(parts->first, parts->second);
    }
    return AddPorts();
  }

  bool IsKnownNetwork(const std::string& name) const {
    if (name.empty() || name == "default" || name == "bridge" ||
        name == "acb_default_network" ||
        space_.networks.lock()->contains(name)) {
      return true;
    }
    return std::ranges::any_of(
        space_.task.networks,
        [&](const file::Network& network) { return network.name == name; });
  }

  // Every step and container by its name: all share one loopback.
  void AddHosts() {
    std::vector<std::string> names;
    for (const file::Step& step : space_.task.steps) names.push_back(step.id);
    for (const ContainerInfo& other : space_.table.List()) {
      names.push_back(other.name);
    }
    for (const std::string& alias : flags_.All("network-alias")) {
      names.push_back(alias);
    }
    for (const std::string& link : flags_.All("link")) {
      const auto parts = SplitOnce(link, ':');
      names.emplace_back(parts ? parts->second : std::string_view(link));
    }
    std::erase_if(
        names, [](const std::string& name) { return !IsContainerName(name); });
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    for (std::string& name : names) {
      spec_.extra_hosts.emplace_back(std::move(name), kOwnAddress);
    }
  }

  Status AddPorts() {
    std::vector<std::string> texts = flags_.All("publish");
    if (step_ != nullptr) {
      for (const std::string& text : step_->ports) {
        texts.push_back(UnquotedProperty(text));
      }
    }
    for (const std::string& text : texts) {
      ASSIGN_OR_RETURN(builder::PublishSpec port, ParsePort(text));
      request_.container.ports.push_back(std::move(port));
    }
    return {};
  }

  void NoteLimits() {
    const bool limited = flags_.Has("cpus") || flags_.Has("memory") ||
                         (step_ != nullptr && !step_->cpus.empty());
    if (limited) {
      request_.notes.push_back("cpus and memory: " + std::string(kNoLimits));
    }
    if (flags_.On("tty")) {
      request_.notes.emplace_back("--tty: a task has no terminal to give");
    }
  }

  void SetStreams() {
    const Streams& streams = invocation_.streams;
    if (!request_.detach) {
      spec_.stdin_fd = flags_.On("interactive") ? streams.stdin_fd : -1;
      spec_.stdout_fd = streams.stdout_fd;
      spec_.stderr_fd = streams.stderr_fd;
      spec_.on_output = streams.on_output;
      request_.container.log = space_.log.StepPath(invocation_.step);
      return;
    }
    // Not called after the container, whose name may not be known yet.
    const std::string path =
        space_.folder.outputs() + "/" + RandomName("") + ".log";
    request_.container.log = path;
    auto output =
        std::make_shared<DetachedOutput>(space_, invocation_.step, path);
    spec_.on_output = [output](int stream, std::string_view text) {
      output->Add(stream, text);
    };
  }

  RunSpace& space_;
  const ParsedFlags& flags_;
  const Invocation& invocation_;
  const file::Step* step_;
  RunRequest request_;
  Spec& spec_;
};

}  // namespace

std::string UnquotedProperty(const std::string& text) {
  auto words = PlainWords(text);
  return words && words->size() == 1 ? words->front() : text;
}

Result<ParsedFlags> ParseRunFlags(const std::vector<std::string>& words) {
  return ParseFlags("docker run", kRunFlags, FlagsEnd::kAtArgument, words);
}

Result<RunRequest> MakeRunRequest(RunSpace& space, const ParsedFlags& flags,
                                  const Invocation& invocation,
                                  const file::Step* step) {
  return Maker(space, flags, invocation, step).Make();
}

builder::ContainerSpec HostToolsSpec(const RunSpace& space,
                                     const Invocation& invocation) {
  builder::ContainerSpec spec;
  spec.host_tools = true;
  spec.env = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "HOME=" + std::string(kHome),
      "STRAKE_DOCKER_SOCKET=" + std::string(kSocketName) + "/docker.sock",
      "STRAKE_DOCKER_STEP=" + space.tokens[invocation.step]};
  spec.binds = {
      {space.folder.workspace(), std::string(kWorkspace), false},
      {space.folder.home(), std::string(kHome), false},
      {space.folder.sockets(), std::string(kSocketName), true},
      {space.settings.program, "/usr/local/bin/docker", true},
  };
  spec.working_dir = std::string(kWorkspace);
  return spec;
}

Result<builder::PublishSpec> ParsePort(std::string_view text) {
  auto wrong = [&](const std::string& why) {
    return InvalidArgument("port \"" + std::string(text) + "\": " + why);
  };
  std::string_view rest = text;
  if (auto protocol = SplitOnce(rest, '/')) {
    if (protocol->second != "tcp") return wrong("only tcp can be published");
    rest = protocol->first;
  }
  std::vector<std::string_view> parts = Split(rest, ':');
  if (parts.size() > 3) return wrong("expected [ADDRESS:][HOST:]CONTAINER");
  builder::PublishSpec spec;
  auto port = [](std::string_view number) -> std::optional<uint16_t> {
    auto value = ParseUint(number);
    if (!value || *value == 0 || *value > 65535) return std::nullopt;
    return static_cast<uint16_t>(*value);
  };
  auto container = port(parts.back());
  if (!container) return wrong("a port is a number from 1 to 65535");
  spec.container_port = *container;
  if (parts.size() >= 2 && !parts[parts.size() - 2].empty()) {
    auto host = port(parts[parts.size() - 2]);
    if (!host) return wrong("a port is a number from 1 to 65535");
    spec.host_port = *host;
  }
  if (parts.size() == 3) spec.host_address = std::string(parts[0]);
  return spec;
}

}  // namespace strake::tasks::run
