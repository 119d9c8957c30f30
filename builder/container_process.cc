#include "builder/container_process.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/ops/user_lookup.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Result<std::vector<std::string>> CommandOf(const ContainerSpec& spec,
                                           const oci::ImageConfig& config) {
  std::vector<std::string> argv;
  if (spec.entrypoint) {
    argv = *spec.entrypoint;
    if (argv.size() == 1 && argv.front().empty()) argv.clear();
  } else if (config.entrypoint) {
    argv = *config.entrypoint;
  }
  // As Docker: another entry point does not get the image's CMD.
  if (!spec.args.empty()) {
    argv.insert(argv.end(), spec.args.begin(), spec.args.end());
  } else if (config.cmd && !spec.entrypoint) {
    argv.insert(argv.end(), config.cmd->begin(), config.cmd->end());
  }
  if (argv.empty()) {
    return InvalidArgument(spec.host_tools
                               ? "no command to run"
                               : "image " + spec.image +
                                     " has no command: give one after the "
                                     "image");
  }
  return argv;
}

std::vector<std::string> EnvironmentOf(const ContainerSpec& spec,
                                       const oci::ImageConfig& config,
                                       const std::string& home) {
  std::vector<std::string> env = config.env;
  for (const std::string& entry : spec.env) {
    auto pair = SplitOnce(entry, '=');
    if (pair) oci::SetEnv(env, pair->first, pair->second);
  }
  if (!oci::FindEnv(env, "PATH")) env.emplace_back(kDefaultPath);
  if (!oci::FindEnv(env, "HOME")) env.push_back("HOME=" + home);
  return env;
}

// What `path` is below `folder`, if it is that or below it.
std::optional<std::string> Below(const std::string& path,
                                 const std::string& folder) {
  if (path == folder) return "";
  if (!path.starts_with(folder + "/")) return std::nullopt;
  return path.substr(folder.size() + 1);
}

// As runc does: a working directory that is not there is made; in the folder of
// the host where that is what is to be seen at its place.
Status MakeWorkingDirectory(const ContainerSpec& spec, const std::string& cwd,
                            int root) {
  const std::string clean = CleanPath(cwd);
  const ContainerSpec::Bind* bind = nullptr;
  std::string inside = clean;
  for (const ContainerSpec::Bind& each : spec.binds) {
    const auto below = Below(clean, CleanPath(each.target));
    if (!below || below->size() > inside.size()) continue;
    bind = &each;
    inside = *below;
  }
  UniqueFd source;
  if (bind != nullptr) {
    if (bind->read_only || inside.empty()) return {};
    ASSIGN_OR_RETURN(source,
                     OpenFile(bind->source.c_str(), O_RDONLY | O_DIRECTORY));
    root = source.get();
  }
  auto made = MakeDirsInRoot(root, inside, {});
  if (made) return {};
  return std::move(made).error().Wrap("working directory " + cwd);
}

// In the order in which they have to be there: a target may be inside another.
std::vector<sandbox::Mount> MountsOf(const ContainerSpec& spec, uint32_t uid,
                                     uint32_t gid) {
  std::vector<sandbox::Mount> mounts;
  for (const ContainerSpec::Tmpfs& tmpfs : spec.tmpfs) {
    sandbox::Mount mount;
    mount.kind = sandbox::Mount::Kind::kTmpfs;
    mount.target = tmpfs.target;
    mount.size_bytes = tmpfs.size_bytes;
    mounts.push_back(std::move(mount));
  }
  for (const ContainerSpec::Bind& bind : spec.binds) {
    sandbox::Mount mount;
    mount.source_path = bind.source;
    mount.target = bind.target;
    mount.read_only = bind.read_only;
    mounts.push_back(std::move(mount));
  }
  for (const ContainerSpec::File& file : spec.files) {
    sandbox::Mount mount;
    mount.kind = sandbox::Mount::Kind::kFile;
    mount.target = file.target;
    mount.content = file.content;
    mount.mode = file.mode;
    mount.uid = uid;
    mount.gid = gid;
    mount.read_only = true;
    mounts.push_back(std::move(mount));
  }
  std::ranges::stable_sort(mounts, {}, [](const sandbox::Mount& mount) {
    return std::ranges::count(CleanPath(mount.target), '/');
  });
  return mounts;
}

}  // namespace

Result<sandbox::ProcessSpec> MakeContainerProcess(
    const ContainerSpec& spec, const oci::ImageConfig& config,
    const snapshot::MountedRoot& root) {
  sandbox::ProcessSpec process;
  ASSIGN_OR_RETURN(process.argv, CommandOf(spec, config));
  const std::string& user = spec.user.empty() ? config.user : spec.user;
  ASSIGN_OR_RETURN(ops::ResolvedUser resolved,
                   ops::ResolveUser(root.fd.get(), user));
  process.env = EnvironmentOf(spec, config, resolved.home);
  process.cwd = !spec.working_dir.empty()     ? spec.working_dir
                : !config.working_dir.empty() ? config.working_dir
                                              : "/";
  RETURN_IF_ERROR(MakeWorkingDirectory(spec, process.cwd, root.fd.get()));
  process.uid = resolved.uid;
  process.gid = resolved.gid;
  process.supplementary_gids = resolved.supplementary_gids;
  if (root.path.empty()) {
    process.root.mount_fd = root.fd.get();
  } else {
    process.root.path = root.path;
  }
  process.mounts = MountsOf(spec, resolved.uid, resolved.gid);
  process.hostname = spec.hostname;
  process.extra_hosts = spec.extra_hosts;
  process.insecure = spec.privileged;
  process.stdin_fd = spec.stdin_fd;
  process.stdout_fd = spec.stdout_fd;
  process.stderr_fd = spec.stderr_fd;
  process.on_started = spec.on_started;
  return process;
}

}  // namespace strake::builder
