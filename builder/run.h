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
// thrown away afterwards. Returns its status as a shell shows it (128 +
// signal). Errors: the command could not be started, or the image not be had.
Result<int> Run(const RunOptions& options);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_RUN_H_
