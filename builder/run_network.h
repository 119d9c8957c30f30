// The network that the containers of a run share.

#ifndef STRAKE_BUILDER_RUN_NETWORK_H_
#define STRAKE_BUILDER_RUN_NETWORK_H_

#include <optional>
#include <string>
#include <utility>

#include "builder/containers.h"
#include "builder/sandbox/outside_network.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder {

// Immutable once open; safe to use from any thread.
class SharedNetwork {
 public:
  // In the form that `options` wish for and that `sandbox` can join.
  static Result<SharedNetwork> Open(const ContainersOptions& options,
                                    const sandbox::Sandbox& sandbox);

  // The namespace; -1: it is the host's, or each container has its own.
  int fd() const { return namespace_.get(); }
  bool is_host() const { return form_ == RunNetwork::kHost; }
  // "the host's, as ...", for the log.
  const std::string& note() const { return note_; }
  // Puts `process` into it.
  void Join(sandbox::ProcessSpec& process) const;

 private:
  SharedNetwork(RunNetwork form, std::string note)
      : form_(form), note_(std::move(note)) {}
  static Result<SharedNetwork> Make(const ContainersOptions& options,
                                    const sandbox::Sandbox& sandbox);

  RunNetwork form_;
  std::string note_;
  UniqueFd namespace_;
  std::optional<sandbox::OutsideNetwork> outside_;
  std::string resolv_conf_;
};

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_RUN_NETWORK_H_
