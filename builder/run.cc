#include "builder/run.h"

#include <memory>

#include "util/result_macros.h"

namespace strake::builder {

Result<int> Run(const RunOptions& options) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Containers> containers,
                   Containers::Open(options.containers));
  ASSIGN_OR_RETURN(const ContainerEnd end,
                   containers->Run(options.container, options.stop));
  return end.ShellCode();
}

}  // namespace strake::builder
