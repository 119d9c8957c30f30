#include "builder/run.h"

#include <memory>

#include "util/result_macros.h"

namespace strake::builder {

Result<ContainerEnd> Run(const RunOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Containers> containers,
                   Containers::Open(options.containers));
  if (!options.ports.empty() &&
      options.container.network == ContainerSpec::Network::kNone) {
    return InvalidArgument("a port cannot be published without a network");
  }
  std::vector<std::unique_ptr<PublishedPort>> published;
  for (const PublishSpec& port : options.ports) {
    ASSIGN_OR_RETURN(published.emplace_back(), containers->Publish(port));
  }
  return containers->Run(options.container, options.stop);
}

}  // namespace strake::builder
