// `docker network`: names for the one network that all containers of a run
// share.

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "tasks/run/docker_commands.h"
#include "tasks/run/flags.h"
#include "tasks/run/format_json.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::tasks::run {
namespace {

using Takes = Flag::Takes;

constexpr std::string_view kNoAddresses =
    "the network of a run has addresses of its own";

constexpr std::array kCreateFlags = {
    Flag{"attachable", 0, Takes::kNothing},
    Flag{"driver", 'd'},
    Flag{"gateway", 0, Takes::kRefusedValue, kNoAddresses},
    Flag{"internal", 0, Takes::kRefused,
         "the network of a run is connected to the outside; strake task exec "
         "--network none does without"},
    Flag{"ip-range", 0, Takes::kRefusedValue, kNoAddresses},
    Flag{"ipv6", 0, Takes::kRefused, kNoAddresses},
    Flag{"label"},
    Flag{"opt", 'o', Takes::kRefusedValue, "a driver has none here"},
    Flag{"subnet", 0, Takes::kRefusedValue, kNoAddresses},
};
constexpr std::array kListFlags = {
    Flag{"no-trunc", 0, Takes::kNothing},
    Flag{"quiet", 'q', Takes::kNothing},
};
constexpr std::array kRemoveFlags = {
    Flag{"force", 'f', Takes::kNothing},
};
constexpr std::array kInspectFlags = {
    Flag{"format", 'f'},
};

std::set<std::string> AllNetworks(RunSpace& space) {
  std::set<std::string> names = *space.networks.lock();
  for (const file::Network& network : space.task.networks) {
    names.insert(network.name);
  }
  names.insert({"bridge", "host", "none"});
  return names;
}

Error NoNetwork(const std::string& name) {
  return NotFound("network " + name + " not found");
}

Result<int> Create(RunSpace& space, const Invocation& invocation, Words words) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags("docker network create", kCreateFlags,
                              FlagsEnd::kNever, words));
  if (flags.arguments().size() != 1) {
    return InvalidArgument("docker network create: requires 1 argument");
  }
  const std::string driver = flags.Last("driver");
  if (!driver.empty() && driver != "bridge") {
    return Unsupported("docker network create: --driver " + driver +
                       ": there is only bridge");
  }
  const std::string& name = flags.arguments().front();
  if (AllNetworks(space).contains(name)) {
    return InvalidArgument("network with name " + name + " already exists");
  }
  space.networks.lock()->insert(name);
  invocation.streams.Err("docker network create: " + name +
                         ": a name for the one network that all containers of "
                         "the run share\n");
  invocation.streams.Out(name + "\n");
  return 0;
}

Result<int> List(RunSpace& space, const Invocation& invocation, Words words) {
  ASSIGN_OR_RETURN(
      ParsedFlags flags,
      ParseFlags("docker network ls", kListFlags, FlagsEnd::kNever, words));
  const bool quiet = flags.On("quiet");
  if (!quiet) invocation.streams.Out("DRIVER   NAME\n");
  for (const std::string& name : AllNetworks(space)) {
    std::string driver = name == "host"   ? "host"
                         : name == "none" ? "null"
                                          : "bridge";
    driver.resize(6, ' ');
    invocation.streams.Out((quiet ? "" : driver + "   ") + name + "\n");
  }
  return 0;
}

Result<int> Remove(RunSpace& space, const Invocation& invocation, Words words) {
  ASSIGN_OR_RETURN(
      ParsedFlags flags,
      ParseFlags("docker network rm", kRemoveFlags, FlagsEnd::kNever, words));
  if (flags.arguments().empty()) {
    return InvalidArgument("docker network rm: requires at least 1 argument");
  }
  for (const std::string& name : flags.arguments()) {
    const bool known = space.networks.lock()->erase(name) > 0;
    if (!known && !flags.On("force")) return NoNetwork(name);
    if (known) invocation.streams.Out(name + "\n");
  }
  return 0;
}

Result<int> Inspect(RunSpace& space, const Invocation& invocation,
                    Words words) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags("docker network inspect", kInspectFlags,
                              FlagsEnd::kNever, words));
  if (flags.arguments().empty()) {
    return InvalidArgument(
        "docker network inspect: requires at least 1 argument");
  }
  nlohmann::json all = nlohmann::json::array();
  for (const std::string& name : flags.arguments()) {
    if (!AllNetworks(space).contains(name)) return NoNetwork(name);
    all.push_back({{"Name", name},
                   {"Id", name},
                   {"Driver", name == "host"   ? "host"
                              : name == "none" ? "null"
                                               : "bridge"},
                   {"Scope", "local"}});
  }
  if (!flags.Has("format")) {
    invocation.streams.Out(DumpJsonPretty(all) + "\n");
    return 0;
  }
  for (const nlohmann::json& one : all) {
    ASSIGN_OR_RETURN(std::string text,
                     FormatJson(flags.Last("format"), DumpJson(one)));
    invocation.streams.Out(text + "\n");
  }
  return 0;
}

}  // namespace

Result<int> DockerNetwork(RunSpace& space, const Invocation& invocation,
                          Words words, std::stop_token) {
  const std::string command = words.empty() ? "" : words.front();
  const Words rest = words.empty() ? words : words.subspan(1);
  if (command == "create") return Create(space, invocation, rest);
  if (command == "ls" || command == "list") {
    return List(space, invocation, rest);
  }
  if (command == "rm" || command == "remove") {
    return Remove(space, invocation, rest);
  }
  if (command == "inspect") return Inspect(space, invocation, rest);
  return Unsupported("docker network " + command +
                     ": not built in; there are create, inspect, ls and rm");
}

}  // namespace strake::tasks::run
