// `strake push`.

#include <memory>
#include <string>
#include <vector>

#include "cli/transfer_command.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class PushCommand final : public TransferCommand {
  Result<std::vector<Result<oci::Digest>>> Transfer(
      const std::vector<std::string>& names,
      const builder::TransferOptions& options) override {
    ASSIGN_OR_RETURN(oci::Descriptor pushed,
                     builder::PushImage(names.front(), options));
    return std::vector<Result<oci::Digest>>{pushed.digest};
  }
  std::string verb() const override { return "Pushing"; }
};

}  // namespace

std::unique_ptr<Command> MakePushCommand() {
  return std::make_unique<PushCommand>();
}

}  // namespace strake::cli
