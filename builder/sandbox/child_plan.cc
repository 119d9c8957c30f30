#include "builder/sandbox/child_plan.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "builder/sandbox/seccomp_filter.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Result<uint64_t> PermittedCapabilities() {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return ErrnoError("capget");
  return uint64_t{data[0].permitted} | uint64_t{data[1].permitted} << 32;
}

struct MemoryRange {
  char* begin = nullptr;
  size_t size = 0;
};

// Where the kernel put our command line and environment: fields 48 to 51 of
// /proc/self/stat, counted from 1 (proc(5)); nothing where it does not tell.
MemoryRange TitleRange() {
  Result<UniqueFd> file = OpenFile("/proc/self/stat", O_RDONLY);
  if (!file) return {};
  FdSource source(std::move(file).value());
  std::string text;
  std::byte buffer[1024];
  while (true) {
    Result<size_t> n = source.Read(buffer);
    if (!n || *n == 0) break;
    text.append(reinterpret_cast<const char*>(buffer), *n);
  }
  // The second field, the program's name, may hold anything but ends in ")".
  const size_t name_end = text.rfind(") ");
  if (name_end == std::string::npos) return {};
  const std::vector<std::string_view> fields =
      Split(Trim(std::string_view(text).substr(name_end + 2)), ' ');
  constexpr size_t kThird = 3;  // the field that follows the name
  uint64_t values[4] = {};
  for (size_t i = 0; i < 4; ++i) {
    const size_t index = 48 + i - kThird;
    if (index >= fields.size()) return {};
    values[i] = ParseUint(fields[index]).value_or(0);
  }
  const auto [arg_start, arg_end, env_start, env_end] = values;
  // One after the other, as the kernel lays them out.
  if (arg_start == 0 || arg_end < arg_start || env_start < arg_end ||
      env_end < env_start) {
    return {};
  }
  return {.begin = reinterpret_cast<char*>(arg_start),
          .size = static_cast<size_t>(env_end - arg_start)};
}

}  // namespace

std::vector<std::string> ProgramCandidates(
    const std::string& program, const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) return {program};
  if (program.empty()) return {};
  std::string_view path = kDefaultPath;
  for (const std::string& variable : env) {
    if (variable.starts_with("PATH=")) {
      path = std::string_view(variable).substr(sizeof("PATH=") - 1);
    }
  }
  std::vector<std::string> candidates;
  for (std::string_view folder : Split(path, ':')) {
    candidates.push_back((folder.empty() ? "." : std::string(folder)) + "/" +
                         program);
  }
  return candidates;
}

Result<OwnedChildPlan> OwnedChildPlan::Make(const ProcessSpec& spec,
                                            const AssembledRoot& root,
                                            int channel, const int (&stdio)[3],
                                            const Listening* listening) {
  OwnedChildPlan owned;
  ChildPlan& plan = owned.plan_;
  plan.channel = channel;
  plan.mount_namespace = root.mount_namespace.get();
  plan.ipc_namespace = root.ipc_namespace.get();
  plan.uts_namespace = root.uts_namespace.get();
  plan.network_namespace = root.network_namespace.get();
  plan.user_namespace = root.user_namespace;
  plan.proc_target = root.proc_target.get();
  plan.host_proc = root.host_proc.get();
  plan.dev_null = root.dev_null.get();
  plan.root_directory = root.directory.get();
  std::ranges::copy(stdio, plan.stdio);

  if (listening != nullptr) {
    plan.answered = listening->filter.data();
    plan.answered_length = listening->filter.size();
    plan.listener_socket = listening->socket;
    plan.listener_first = listening->installed == Listening::Installed::kFirst;
  }
  owned.keep_ = {channel,
                 plan.listener_socket,
                 plan.mount_namespace,
                 plan.ipc_namespace,
                 plan.uts_namespace,
                 plan.network_namespace,
                 plan.user_namespace,
                 plan.proc_target,
                 plan.host_proc,
                 plan.dev_null,
                 plan.root_directory,
                 stdio[0],
                 stdio[1],
                 stdio[2]};
  std::ranges::sort(owned.keep_);
  owned.keep_.erase(std::unique(owned.keep_.begin(), owned.keep_.end()),
                    owned.keep_.end());
  std::erase(owned.keep_, -1);
  plan.keep = owned.keep_.data();
  plan.keep_count = owned.keep_.size();

  owned.candidates_ = ProgramCandidates(spec.argv.front(), spec.env);
  for (const std::string& candidate : owned.candidates_) {
    owned.candidate_pointers_.push_back(candidate.c_str());
  }
  plan.candidates = owned.candidate_pointers_.data();
  plan.candidate_count = owned.candidate_pointers_.size();
  owned.argv_ = CStrings(spec.argv);
  owned.envp_ = CStrings(spec.env);
  plan.argv = owned.argv_.data();
  plan.envp = owned.envp_.data();
  plan.cwd = spec.cwd.c_str();

  plan.uid = spec.uid;
  plan.gid = spec.gid;
  plan.groups = spec.supplementary_gids.data();
  plan.group_count = spec.supplementary_gids.size();
  ASSIGN_OR_RETURN(const uint64_t permitted, PermittedCapabilities());
  plan.capabilities = permitted;
  plan.restrict_proc = !spec.insecure;
  if (!spec.insecure) {
    plan.capabilities &= kDefaultCapabilities;
    // Without CAP_SYS_ADMIN a filter costs no_new_privs, by which su and sudo
    // would stop working. Who lacks it is in a container, under its filter.
    if (((permitted >> CAP_SYS_ADMIN) & 1) != 0) {
      owned.filter_ = DefaultSeccompFilter();
    }
  }
  plan.filter = owned.filter_.data();
  plan.filter_length = owned.filter_.size();
  const MemoryRange title = TitleRange();
  plan.title = title.begin;
  plan.title_size = title.size;
  return owned;
}

}  // namespace strake::builder::sandbox
