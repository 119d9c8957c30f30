// One run of a container: its image is found, a writable copy of its root file
// system is made, the process runs in it, and the copy is dropped. What does
// not depend on the container is done by `Open`.

#include "builder/containers.h"

#include <memory>
#include <string_view>
#include <utility>

#include "builder/container_images.h"
#include "builder/container_process.h"
#include "builder/port_proxy.h"
#include "builder/progress_reporter.h"
#include "builder/run_network.h"
#include "builder/step_backends.h"
#include "builder/store.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

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
  Status CheckSpec(const ContainerSpec& spec) const;
  void SetNetwork(const ContainerSpec& spec,
                  sandbox::ProcessSpec& process) const;

  Store store_;
  ProgressReporter progress_;
  ContainerImages images_;
  StepBackends backends_;
  std::optional<SharedNetwork> network_;
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

Result<ContainerEnd> RunContainers::Run(const ContainerSpec& spec,
                                        std::stop_token stop) {
  RETURN_IF_ERROR(CheckSpec(spec));
  ASSIGN_OR_RETURN(const ContainerImages::Image image,
                   images_.Find({spec.image, spec.pull, spec.platform}, stop));
  snapshot::Snapshotter& snapshotter = *backends_.snapshots.snapshotter;
  ASSIGN_OR_RETURN(const snapshot::SnapshotId base,
                   images_.Unpack(*image, snapshotter, stop));
  // Everything the command writes is thrown away with `active`.
  ASSIGN_OR_RETURN(auto active, snapshotter.Prepare(base));
  ASSIGN_OR_RETURN(snapshot::MountedRoot root, snapshotter.Mount(*active));
  ASSIGN_OR_RETURN(sandbox::ProcessSpec process,
                   MakeContainerProcess(spec, image->config, root));
  SetNetwork(spec, process);
  process.journal = &active->journal();
  const auto on_output = [&](sandbox::Stream stream, std::string_view text) {
    if (spec.on_output) spec.on_output(static_cast<int>(stream), text);
  };
  ASSIGN_OR_RETURN(const sandbox::ExitStatus status,
                   backends_.sandbox.sandbox->Run(process, on_output, stop));
  return ContainerEnd{.code = status.code, .signal = status.signal};
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
  ASSIGN_OR_RETURN(const ContainerImages::Image found,
                   images_.Find({image, pull, platform}, stop));
  RETURN_IF_ERROR(images_.Fetch(*found, found->layers, stop));
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
    ContainersOptions options) {
  ASSIGN_OR_RETURN(Store store, Store::Open(options.store_directory));
  auto containers = std::make_unique<RunContainers>(options, std::move(store));
  RETURN_IF_ERROR(containers->Start(options));
  return std::unique_ptr<Containers>(std::move(containers));
}

}  // namespace strake::builder
