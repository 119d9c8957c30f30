// A command that asks a registry, and prints what it says.

#ifndef STRAKE_CLI_REGISTRY_COMMAND_H_
#define STRAKE_CLI_REGISTRY_COMMAND_H_

#include <memory>
#include <string>
#include <vector>

#include "cli/command.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::cli {

class RegistryCommand : public Command {
 public:
  Result<int> Run(Session& session) final;

 protected:
  // The options of all such commands, which come after each one's own.
  void DeclareRegistryOptions(OptionSet& options);

  virtual Status Ask(const registry::Client& client, std::stop_token stop) = 0;

 private:
  RegistryFlags registry_flags_;
};

// A repository by itself: `kInvalidArgument` where there is a tag or a digest.
Result<oci::Reference> ParseRepository(const std::string& text);

// `bytes` to the file (as a whole or not at all), or to standard output where
// it is "" or "-".
Status WriteAnswer(const std::string& file, std::string_view bytes);

}  // namespace strake::cli

#endif  // STRAKE_CLI_REGISTRY_COMMAND_H_
