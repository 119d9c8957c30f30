// The process of a container, as a sandbox runs it.

#ifndef STRAKE_BUILDER_CONTAINER_PROCESS_H_
#define STRAKE_BUILDER_CONTAINER_PROCESS_H_

#include "builder/containers.h"
#include "builder/sandbox/sandbox.h"
#include "builder/snapshot/snapshotter.h"
#include "oci/image_config.h"
#include "util/result.h"

namespace strake::builder {

// What `spec` asks for, in `root`, but for the network. The working directory
// is made where it is missing.
//   config  the image's; with `host_tools`: an empty one
Result<sandbox::ProcessSpec> MakeContainerProcess(
    const ContainerSpec& spec, const oci::ImageConfig& config,
    const snapshot::MountedRoot& root);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_CONTAINER_PROCESS_H_
