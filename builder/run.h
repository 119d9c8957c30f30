// One command in one container: what `strake run` does.

#ifndef STRAKE_BUILDER_RUN_H_
#define STRAKE_BUILDER_RUN_H_

#include <stop_token>
#include <vector>

#include "builder/containers.h"
#include "util/result.h"

namespace strake::builder {

struct RunOptions {
  ContainersOptions containers;
  ContainerSpec container;
  std::vector<PublishSpec> ports;  // while the command runs
  std::stop_token stop;            // kills the command
};

// Runs the command on a writable copy of the image's root file system, which is
// thrown away afterwards. Errors: as `Containers::Run`.
Result<ContainerEnd> Run(const RunOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_RUN_H_
