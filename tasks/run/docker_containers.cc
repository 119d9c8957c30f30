// `docker ps`, `stop`, `rm`, `logs`, `wait`: the containers of the run.

#include <algorithm>
#include <array>
#include <chrono>
#include <fstream>
#include <sstream>
#include <utility>

#include "tasks/run/docker_commands.h"
#include "tasks/run/flags.h"
#include "util/clock.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

using Takes = Flag::Takes;

constexpr std::array kListFlags = {
    Flag{"all", 'a', Takes::kNothing},
    Flag{"no-trunc", 0, Takes::kNothing},
    Flag{"quiet", 'q', Takes::kNothing},
};
constexpr std::array kStopFlags = {
    // Processes are killed at once: there is nothing to wait for.
    Flag{"time", 't'},
    Flag{"timeout"},
    Flag{"signal", 's'},
};
constexpr std::array kRemoveFlags = {
    Flag{"force", 'f', Takes::kNothing},
    Flag{"volumes", 'v', Takes::kNothing},
};
constexpr std::array kLogsFlags = {
    Flag{"follow", 'f', Takes::kNothing},
    Flag{"tail", 'n'},
    Flag{"timestamps", 't', Takes::kRefused,
         "the lines of a container's log have no times"},
};

constexpr std::chrono::milliseconds kLookAgain{50};

std::string ShortId(const std::string& id) { return id.substr(0, 12); }

std::string_view StateName(ContainerInfo::State state) {
  switch (state) {
    case ContainerInfo::State::kCreated:
      return "created";
    case ContainerInfo::State::kRunning:
      return "running";
    case ContainerInfo::State::kExited:
      break;
  }
  return "exited";
}

// Names of containers, at least one.
Result<ParsedFlags> ParseNames(const std::string& command,
                               std::span<const Flag> known, Words words) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags(command, known, FlagsEnd::kNever, words));
  if (flags.arguments().empty()) {
    return InvalidArgument(command +
                           ": requires at least 1 argument: CONTAINER");
  }
  return flags;
}

// Those that are to end a container.
Status CheckSignal(std::string_view signal) {
  constexpr std::array<std::string_view, 9> kEnding = {
      "", "KILL", "TERM", "INT", "QUIT", "9", "15", "2", "3"};
  std::string_view name = signal;
  if (name.starts_with("SIG")) name.remove_prefix(3);
  if (std::ranges::find(kEnding, name) != kEnding.end()) return {};
  return Unsupported("docker stop, kill: --signal " + std::string(signal) +
                     ": containers end by SIGKILL here, and no other signal "
                     "can be sent; expected KILL, TERM, INT or QUIT");
}

// Does `act` for each name; says what failed of each, and goes on.
template <typename Act>
int ForEachName(const RunSpace& space, const Invocation& invocation,
                const std::vector<std::string>& names, Act act) {
  int status = 0;
  for (const std::string& name : names) {
    if (Status done = act(name); done) {
      invocation.streams.Out(name + "\n");
    } else {
      invocation.streams.Err(
          space.log.Mask("Error: " + done.error().message()) + "\n");
      status = 1;
    }
  }
  return status;
}

std::string LastLines(std::string text, size_t count) {
  size_t at = text.size();
  if (at > 0 && text.back() == '\n') --at;
  while (count > 0 && at > 0) {
    at = text.rfind('\n', at - 1);
    if (at == std::string::npos) return text;
    --count;
  }
  return count == 0 && at < text.size() ? text.substr(at + 1) : text;
}

std::string ReadFrom(const std::string& path, size_t offset) {
  std::ifstream file(path);
  std::ostringstream text;
  if (file.seekg(static_cast<std::streamoff>(offset))) text << file.rdbuf();
  return text.str();
}

// Prints what comes after the first `offset` bytes of its log, until it has
// ended or nobody reads on.
Status Follow(const RunSpace& space, const ContainerInfo& container,
              size_t offset, const Streams& out, const std::stop_token& stop) {
  while (out.HasReader()) {
    // Before the look at the file: what it wrote last is there then.
    const auto now = space.table.Find(container.id);
    const bool ended = !now || now->state == ContainerInfo::State::kExited;
    const std::string text = ReadFrom(container.log, offset);
    out.Out(text);
    offset += text.size();
    if (ended) break;
    if (!SystemClock().Wait(kLookAgain, stop)) return Cancelled("interrupted");
  }
  return {};
}

}  // namespace

Result<int> DockerList(RunSpace& space, const Invocation& invocation,
                       Words words, std::stop_token) {
  ASSIGN_OR_RETURN(ParsedFlags flags, ParseFlags("docker ps", kListFlags,
                                                 FlagsEnd::kNever, words));
  const Streams& out = invocation.streams;
  const bool quiet = flags.On("quiet");
  if (!quiet) out.Out("CONTAINER ID   STATE     IMAGE   NAMES\n");
  for (const ContainerInfo& info : space.table.List()) {
    if (info.state != ContainerInfo::State::kRunning && !flags.On("all")) {
      continue;
    }
    const std::string id = flags.On("no-trunc") ? info.id : ShortId(info.id);
    std::string state(StateName(info.state));
    state.resize(7, ' ');
    out.Out(quiet ? id + "\n"
                  : id + "   " + state + "   " + info.image + "   " +
                        info.name + "\n");
  }
  return 0;
}

Result<int> DockerStop(RunSpace& space, const Invocation& invocation,
                       Words words, std::stop_token) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseNames("docker stop", kStopFlags, words));
  RETURN_IF_ERROR(CheckSignal(flags.Last("signal")));
  return ForEachName(
      space, invocation, flags.arguments(),
      [&](const std::string& name) { return space.table.Stop(name); });
}

Result<int> DockerRemove(RunSpace& space, const Invocation& invocation,
                         Words words, std::stop_token) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseNames("docker rm", kRemoveFlags, words));
  const bool force = flags.On("force");
  return ForEachName(
      space, invocation, flags.arguments(),
      [&](const std::string& name) { return space.table.Remove(name, force); });
}

Result<int> DockerWait(RunSpace& space, const Invocation& invocation,
                       Words words, std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags, ParseNames("docker wait", {}, words));
  for (const std::string& name : flags.arguments()) {
    ASSIGN_OR_RETURN(int code, space.table.Wait(name, stop));
    invocation.streams.Out(std::to_string(code) + "\n");
  }
  return 0;
}

Result<int> DockerLogs(RunSpace& space, const Invocation& invocation,
                       Words words, std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseNames("docker logs", kLogsFlags, words));
  if (flags.arguments().size() > 1) {
    return InvalidArgument("docker logs: requires exactly 1 argument");
  }
  ASSIGN_OR_RETURN(ContainerInfo info,
                   space.table.Find(flags.arguments().front()));
  std::string lines = ReadFrom(info.log, 0);
  const size_t seen = lines.size();
  if (flags.Has("tail") && flags.Last("tail") != "all") {
    auto count = ParseUint(flags.Last("tail"));
    if (!count) {
      return InvalidArgument("docker logs: --tail " + flags.Last("tail") +
                             ": expected a number or all");
    }
    lines = LastLines(std::move(lines), *count);
  }
  invocation.streams.Out(lines);
  if (flags.On("follow")) {
    RETURN_IF_ERROR(Follow(space, info, seen, invocation.streams, stop));
  }
  return 0;
}

}  // namespace strake::tasks::run
