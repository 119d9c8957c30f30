// One run of a container: its image is found, a writable copy of its root file
// system is made, the process runs in it, and the copy is dropped. What does
// not depend on the container is done by `Open`.

#include "builder/containers.h"

#include <memory>
#include <string_view>
#include <utility>

#include "builder/container_images.h"
#include "builder/container_process.h"
#include "builder/host_root.h"
#include "builder/port_proxy.h"
#include "builder/progress_reporter.h"
#include "builder/run_network.h"
#include "builder/sandbox/system_mounts.h"
#include "builder/snapshot_sweeper.h"
#include "builder/step_backends.h"
#include "builder/store.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

std::vector<std::string> MountTargets(const ContainerSpec& spec) {
  std::vector<std::string> targets;
  for (const auto& bind : spec.binds) targets.push_back(bind.target);
  for (const auto& file : spec.files) targets.push_back(file.target);
  for (const auto& tmpfs : spec.tmpfs) targets.push_back(tmpfs.target);
  return targets;
}

class RunContainers final : public Containers {
 public:
  RunContainers(const ContainersOptions& options, Store store)
      : store_(std::move(store)),
        progress_(options.progress),
        images_(store_, options.registry, progress_) {}

  Status Start(const ContainersOptions& options);

  Result<ContainerEnd> Run(const ContainerSpec& spec,
                           std::stop_token stop) override;
  Result<ContainerImage> Image(const std::string& image, PullPolicy pull,
                               const std::optional<oci::Platform>& platform,
                               std::stop_token stop) override;
  Result<ContainerImage> Pull(const std::string& image, PullPolicy pull,
                              const std::optional<oci::Platform>& platform,
                              std::stop_token stop) override;
  std::string network_note() const override { return network_->note(); }
  std::string isolation() const override {
    return std::string(backends_.sandbox.sandbox->name());
  }
  Result<std::unique_ptr<PublishedPort>> Publish(
      const PublishSpec& spec) override;

 private:
  // The root file system of one container. Everything that is written to it is
  // thrown away with it.
  struct Root {
    std::unique_ptr<snapshot::ActiveSnapshot> active;  // none: in memory
    snapshot::MountedRoot mounted;                     // goes first
    oci::ImageConfig config;  // the image's, or an empty one
    std::vector<sandbox::Mount> mounts;
  };

  Status CheckSpec(const ContainerSpec& spec) const;
  Result<Root> MakeHostToolsRoot(const ContainerSpec& spec);
  Result<Root> MakeRoot(const ContainerSpec& spec, const std::stop_token& stop);
  Result<ContainerEnd> RunIn(const Root& root, const ContainerSpec& spec,
                             const std::stop_token& stop);
  void SetNetwork(const ContainerSpec& spec,
                  sandbox::ProcessSpec& process) const;

  Store store_;
  ProgressReporter progress_;
  ContainerImages images_;
  StepBackends backends_;
  std::optional<SharedNetwork> network_;
  SnapshotSweeper sweeper_;  // goes first
};

Status RunContainers::Start(const ContainersOptions& options) {
  ASSIGN_OR_RETURN(backends_, OpenStepBackends(store_, options.isolation,
                                               options.snapshotter));
  RETURN_IF_ERROR(backends_.snapshots.snapshotter->RemoveAbandoned());
  ASSIGN_OR_RETURN(network_,
                   SharedNetwork::Open(options, *backends_.sandbox.sandbox));
  return {};
}

// Isolations in which a process can be given capabilities.
bool HasCapabilities(std::string_view isolation) {
  return isolation == "overlay-root" || isolation == "userns-map" ||
         isolation == "userns-single";
}

Status RunContainers::CheckSpec(const ContainerSpec& spec) const {
  if (spec.privileged && !HasCapabilities(isolation())) {
    return Unsupported(
        "privileged: isolation " + isolation() +
        " has no capabilities to give; leave privileged out, or run strake as "
        "root or where it may use user namespaces (see strake doctor)");
  }
  if (spec.host_tools && isolation() == "chroot") {
    return Unsupported(
        "isolation chroot can only copy: this machine's programs cannot be "
        "shown in a container; take an image, or run strake where it may use "
        "namespaces (see strake doctor)");
  }
  return {};
}

void RunContainers::SetNetwork(const ContainerSpec& spec,
                               sandbox::ProcessSpec& process) const {
  switch (spec.network) {
    case ContainerSpec::Network::kRun:
      return network_->Join(process);
    case ContainerSpec::Network::kHost:
      return;
    case ContainerSpec::Network::kNone:
      process.network = sandbox::Network::kNone;
  }
}

// In memory where that can be: a disk spends most of the time of a short
// command on making and removing the few files of such a root.
Result<RunContainers::Root> RunContainers::MakeHostToolsRoot(
    const ContainerSpec& spec) {
  Root root;
  if (backends_.sandbox.sandbox->needs_path()) {
    snapshot::Snapshotter& snapshotter = *backends_.snapshots.snapshotter;
    ASSIGN_OR_RETURN(root.active, snapshotter.Prepare({}));
    ASSIGN_OR_RETURN(root.mounted, snapshotter.Mount(*root.active));
  } else {
    ASSIGN_OR_RETURN(root.mounted.fd,
                     sandbox::NewTmpfs("755", 0, {.nodev = true}));
  }
  ASSIGN_OR_RETURN(root.mounts,
                   MakeHostRoot(root.mounted.fd.get(), MountTargets(spec)));
  return root;
}

Result<RunContainers::Root> RunContainers::MakeRoot(
    const ContainerSpec& spec, const std::stop_token& stop) {
  if (spec.host_tools) return MakeHostToolsRoot(spec);
  snapshot::Snapshotter& snapshotter = *backends_.snapshots.snapshotter;
  Root root;
  const ImageWish wish{spec.image, spec.pull, spec.platform};
  ASSIGN_OR_RETURN(const ContainerImages::Image image,
                   images_.Find(wish, stop));
  root.config = image->config;
  ASSIGN_OR_RETURN(const snapshot::SnapshotId base,
                   images_.Unpack(*image, snapshotter, stop));
  RETURN_IF_ERROR(images_.Record(*image, wish, stop));
  ASSIGN_OR_RETURN(root.active, snapshotter.Prepare(base));
  ASSIGN_OR_RETURN(root.mounted, snapshotter.Mount(*root.active));
  return root;
}

Result<ContainerEnd> RunContainers::Run(const ContainerSpec& spec,
                                        std::stop_token stop) {
  RETURN_IF_ERROR(CheckSpec(spec));
  ASSIGN_OR_RETURN(Root root, MakeRoot(spec, stop));
  auto ended = RunIn(root, spec, stop);
  root.mounted = {};
  sweeper_.Take(std::move(root.active));
  return ended;
}

Result<ContainerEnd> RunContainers::RunIn(const Root& root,
                                          const ContainerSpec& spec,
                                          const std::stop_token& stop) {
  ASSIGN_OR_RETURN(sandbox::ProcessSpec process,
                   MakeContainerProcess(spec, root.config, root.mounted));
  process.mounts.insert(process.mounts.begin(), root.mounts.begin(),
                        root.mounts.end());
  SetNetwork(spec, process);
  if (root.active) process.journal = &root.active->journal();
  const auto on_output = [&](sandbox::Stream stream, std::string_view text) {
    if (spec.on_output) spec.on_output(static_cast<int>(stream), text);
  };
  int not_executed = 0;
  process.not_executed = &not_executed;
  auto status = backends_.sandbox.sandbox->Run(process, on_output, stop);
  if (!status && not_executed != 0) {
    return ContainerEnd{.code = not_executed,
                        .not_executed = status.error().message()};
  }
  if (!status) return std::move(status).error();
  return ContainerEnd{.code = status->code, .signal = status->signal};
}

Result<ContainerImage> RunContainers::Image(
    const std::string& image, PullPolicy pull,
    const std::optional<oci::Platform>& platform, std::stop_token stop) {
  ASSIGN_OR_RETURN(const ContainerImages::Image found,
                   images_.Find({image, pull, platform}, stop));
  return ContainerImage{found->reference, found->manifest, found->config};
}

Result<ContainerImage> RunContainers::Pull(
    const std::string& image, PullPolicy pull,
    const std::optional<oci::Platform>& platform, std::stop_token stop) {
  const ImageWish wish{image, pull, platform};
  ASSIGN_OR_RETURN(const ContainerImages::Image found,
                   images_.Find(wish, stop));
  RETURN_IF_ERROR(images_.Fetch(*found, found->layers, stop));
  RETURN_IF_ERROR(images_.Record(*found, wish, stop));
  return ContainerImage{found->reference, found->manifest, found->config};
}

// A port that needs nobody to pass it on.
class OpenPort final : public PublishedPort {
 public:
  explicit OpenPort(std::string address) : address_(std::move(address)) {}
  std::string address() const override { return address_; }

 private:
  std::string address_;
};

Result<std::unique_ptr<PublishedPort>> RunContainers::Publish(
    const PublishSpec& spec) {
  if (network_->fd() < 0 && !network_->is_host()) {
    return InvalidArgument("a port cannot be published without a network");
  }
  if (network_->is_host() && spec.host_port == spec.container_port) {
    return std::unique_ptr<PublishedPort>(std::make_unique<OpenPort>(
        spec.host_address + ":" + std::to_string(spec.host_port)));
  }
  return PortProxy::Start(spec, network_->fd());
}

}  // namespace

Result<std::unique_ptr<Containers>> Containers::Open(
    const ContainersOptions& options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  auto containers = std::make_unique<RunContainers>(options, std::move(store));
  RETURN_IF_ERROR(containers->Start(options));
  return std::unique_ptr<Containers>(std::move(containers));
}

}  // namespace strake::builder
