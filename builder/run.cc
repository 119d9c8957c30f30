#include "builder/run.h"

#include <fcntl.h>
#include <unistd.h>

#include <memory>
#include <utility>

#include "builder/context/image_source.h"
#include "builder/images.h"
#include "builder/ops/image_op.h"
#include "builder/ops/user_lookup.h"
#include "builder/progress_reporter.h"
#include "builder/step_backends.h"
#include "builder/store.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder {
namespace {

constexpr std::string_view kDefaultPath =
    "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

Result<context::SourceImage> FindSource(const RunOptions& options,
                                        const Store& store,
                                        const context::ImageSource& images) {
  // An ID, or a name that the store knows.
  if (!options.pull) {
    auto stored = FindImage(store.directory(), options.image);
    if (stored) {
      // A nameless image is known by its digest; it needs no registry.
      auto reference = oci::ParseReference(stored->name);
      return images.Read(reference.value_or(oci::Reference()),
                         stored->descriptor, oci::HostPlatform());
    }
  }
  ASSIGN_OR_RETURN(oci::Reference reference,
                   oci::ParseReference(options.image));
  return images.Resolve(oci::WithDefaultTag(std::move(reference)),
                        oci::HostPlatform());
}

std::vector<std::string> CommandOf(const RunOptions& options,
                                   const oci::ImageConfig& config) {
  std::vector<std::string> argv;
  if (options.entrypoint) {
    argv = *options.entrypoint;
    if (argv.size() == 1 && argv.front().empty()) argv.clear();
  } else if (config.entrypoint) {
    argv = *config.entrypoint;
  }
  // As Docker: another entry point does not get the image's CMD.
  if (!options.args.empty()) {
    argv.insert(argv.end(), options.args.begin(), options.args.end());
  } else if (config.cmd && !options.entrypoint) {
    argv.insert(argv.end(), config.cmd->begin(), config.cmd->end());
  }
  return argv;
}

std::vector<std::string> EnvironmentOf(const RunOptions& options,
                                       const oci::ImageConfig& config,
                                       const std::string& home) {
  std::vector<std::string> env = config.env;
  for (const std::string& entry : options.env) {
    auto pair = SplitOnce(entry, '=');
    if (pair) oci::SetEnv(env, pair->first, pair->second);
  }
  if (!oci::FindEnv(env, "PATH")) env.emplace_back(kDefaultPath);
  if (!oci::FindEnv(env, "HOME")) env.push_back("HOME=" + home);
  return env;
}

// The process that `options` ask for, in `root`.
Result<sandbox::ProcessSpec> MakeProcess(const RunOptions& options,
                                         const context::SourceImage& image,
                                         const snapshot::MountedRoot& root) {
  const oci::ImageConfig& config = image.config;
  const std::string& user = options.user.empty() ? config.user : options.user;
  ASSIGN_OR_RETURN(ops::ResolvedUser resolved,
                   ops::ResolveUser(root.fd.get(), user));
  sandbox::ProcessSpec spec;
  spec.argv = CommandOf(options, config);
  if (spec.argv.empty()) {
    return InvalidArgument("image " + image.reference.ToString() +
                           " has no command: give one after the image");
  }
  spec.env = EnvironmentOf(options, config, resolved.home);
  spec.cwd = !options.working_dir.empty()  ? options.working_dir
             : !config.working_dir.empty() ? config.working_dir
                                           : "/";
  ASSIGN_OR_RETURN(auto made, MakeDirsInRoot(root.fd.get(), spec.cwd, {}));
  (void)made;
  spec.uid = resolved.uid;
  spec.gid = resolved.gid;
  spec.supplementary_gids = resolved.supplementary_gids;
  if (root.path.empty()) {
    spec.root.mount_fd = root.fd.get();
  } else {
    spec.root.path = root.path;
  }
  for (const RunOptions::Bind& bind : options.binds) {
    sandbox::Mount mount;
    mount.source_path = bind.source;
    mount.target = bind.target;
    mount.read_only = bind.read_only;
    spec.mounts.push_back(std::move(mount));
  }
  spec.hostname = options.hostname;
  spec.network = options.network == NetworkMode::kNone
                     ? sandbox::Network::kNone
                     : sandbox::Network::kHost;
  spec.extra_hosts = options.extra_hosts;
  spec.stdin_fd = options.stdin_fd;
  spec.stdout_fd = options.stdout_fd;
  spec.stderr_fd = options.stderr_fd;
  return spec;
}

}  // namespace

Result<int> Run(const RunOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  ProgressReporter progress(options.progress);
  registry::Client client(options.registry);
  using Policy = context::ImageSource::Policy;
  context::ImageSource images(
      client, store.layout(),
      options.pull ? Policy::kAlwaysResolve : Policy::kStoreFirst, progress,
      options.stop);
  ASSIGN_OR_RETURN(context::SourceImage image,
                   FindSource(options, store, images));
  ASSIGN_OR_RETURN(
      StepBackends backends,
      OpenStepBackends(store, options.isolation, options.snapshotter));
  snapshot::Snapshotter& snapshotter = *backends.snapshots.snapshotter;

  plan::ImageOp op;
  op.reference = image.reference;
  op.layers = image.layers;
  op.diff_ids = image.config.diff_ids;
  auto fetch = [&](const std::vector<oci::Descriptor>& layers) -> Status {
    if (images.HasLayers(layers)) return {};
    ProgressStep step(progress, "pulling " + image.reference.ToString());
    return step.EndWith(images.FetchLayers(image.reference, layers, step.id()));
  };
  ASSIGN_OR_RETURN(snapshot::SnapshotId base,
                   ops::UnpackImage(op, oci::LayerContents::kAll, fetch,
                                    store.blobs(), snapshotter, options.stop));
  // Everything the command writes is thrown away with `active`.
  ASSIGN_OR_RETURN(auto active, snapshotter.Prepare(base));
  ASSIGN_OR_RETURN(snapshot::MountedRoot root, snapshotter.Mount(*active));

  ASSIGN_OR_RETURN(sandbox::ProcessSpec spec,
                   MakeProcess(options, image, root));
  spec.journal = &active->journal();
  ASSIGN_OR_RETURN(
      sandbox::ExitStatus status,
      backends.sandbox.sandbox->Run(
          spec, [](sandbox::Stream, std::string_view) {}, options.stop));
  return status.ShellCode();
}

}  // namespace strake::builder
