// What `push` and `pull` have in common.

#ifndef STRAKE_CLI_TRANSFER_COMMAND_H_
#define STRAKE_CLI_TRANSFER_COMMAND_H_

#include <string>
#include <vector>

#include "builder/images.h"
#include "cli/command.h"

namespace strake::cli {

class TransferCommand : public Command {
 public:
  void Declare(OptionSet& options) override;
  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override;
  Result<int> Run(Session& session) override;

 protected:
  // Transfers `names` and returns the digests to print, in their order.
  virtual Result<std::vector<Result<oci::Digest>>> Transfer(
      const std::vector<std::string>& names,
      const builder::TransferOptions& options) = 0;
  // How many names it takes at most.
  virtual size_t most_names() const { return 1; }
  // "Pushing"
  virtual std::string verb() const = 0;

  builder::TransferOptions transfer_;

 private:
  std::vector<std::string> names_;
  RegistryFlags registry_flags_;
  std::string progress_;
  bool quiet_ = false;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_TRANSFER_COMMAND_H_
