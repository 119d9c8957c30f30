#include "builder/ops/run_op.h"

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "builder/ops/run_mounts.h"
#include "builder/ops/user_lookup.h"
#include "builder/plan/default_hostname.h"
#include "builder/sandbox/without_effect.h"
#include "oci/image_config.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::ops {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

// What the process sees: the image's variables and the arguments, then proxies,
// then what every process needs, then secrets.
std::vector<std::string> ProcessEnvironment(
    const plan::RunOp& op, const ResolvedUser& user,
    const std::vector<std::string>& secret_env) {
  std::vector<std::string> env = op.env;
  auto add_if_missing = [&env](std::string_view entry) {
    auto pair = SplitOnce(entry, '=');
    if (!oci::FindEnv(env, pair->first)) env.emplace_back(entry);
  };
  for (const std::string& entry : op.proxy_env) add_if_missing(entry);
  add_if_missing("PATH=" + std::string(kDefaultPath));
  add_if_missing("HOME=" + user.home);
  for (const std::string& entry : secret_env) {
    auto pair = SplitOnce(entry, '=');
    oci::SetEnv(env, pair->first, pair->second);
  }
  return env;
}

Error CommandError(const std::vector<std::string>& argv,
                   const sandbox::ExitStatus& status) {
  std::string message = "process " + GoQuote(Join(argv, " ")) +
                        " did not complete successfully: exit code: " +
                        std::to_string(status.ShellCode());
  if (status.signal != 0) {
    message += " (killed by signal " + std::to_string(status.signal) + ")";
  }
  return Error(ErrorCode::kCommandFailed, std::move(message));
}

// Once for each reason in a build.
void WarnOfWhatIsIgnored(const sandbox::ProcessSpec& spec,
                         const ExecuteRequest& request,
                         const ExecuteEnvironment& environment) {
  if (!request.on_warning) return;
  for (const std::string& sentence : sandbox::WithoutEffect(
           environment.sandbox.name(), spec, plan::kDefaultHostname)) {
    const bool first = environment.warned->lock()->insert(sentence).second;
    if (first) request.on_warning(sentence);
  }
}

}  // namespace

Status ExecuteRun(const plan::RunOp& op, const ExecuteRequest& request,
                  const ExecuteEnvironment& environment,
                  snapshot::MountedRoot& root, const WriteTarget& target,
                  std::optional<std::set<std::string>>& touched,
                  sandbox::ProcessSpec::Devices devices, bool& made_device) {
  auto user = ResolveUser(target.root, op.user);
  if (!user) {
    return std::move(user).error().Wrap("unable to find user " + op.user);
  }
  // As runc does: a working directory that the image only names is made.
  ASSIGN_OR_RETURN(std::optional<struct stat> cwd,
                   StatInRoot(target.root, op.cwd, FollowLast::kYes));
  if (!cwd) {
    ASSIGN_OR_RETURN(auto made, MakeDirsInRoot(target.root, op.cwd, {}));
    (void)made;
  }
  ASSIGN_OR_RETURN(RunMounts mounts, OpenRunMounts(op, request, environment));

  sandbox::ProcessSpec spec;
  spec.argv = op.argv;
  spec.env = ProcessEnvironment(op, *user, mounts.secret_env);
  spec.cwd = op.cwd;
  spec.uid = user->uid;
  spec.gid = user->gid;
  spec.supplementary_gids = user->supplementary_gids;
  if (root.path.empty()) {
    spec.root.mount_fd = root.fd.get();
  } else {
    spec.root.path = root.path;
  }
  spec.mounts = std::move(mounts.mounts);
  spec.hostname = op.hostname;
  spec.network = op.network == plan::RunOp::Network::kNone
                     ? sandbox::Network::kNone
                     : sandbox::Network::kHost;
  spec.extra_hosts = op.extra_hosts;
  spec.insecure = op.insecure;
  spec.journal = target.journal;
  spec.devices = devices;
  spec.made_device = &made_device;
  // What was made above is nobody's touch.
  if (cwd) spec.touched = &touched;
  WarnOfWhatIsIgnored(spec, request, environment);
  ASSIGN_OR_RETURN(
      sandbox::ExitStatus status,
      environment.sandbox.Run(spec, request.on_output, request.stop));
  for (const auto& owners : mounts.cache_owners) {
    RETURN_IF_ERROR(owners->Save());
  }
  if (!status.ok()) return CommandError(op.argv, status);
  return {};
}

}  // namespace strake::builder::ops
