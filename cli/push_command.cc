// `strake push`.

#include <memory>

#include "cli/transfer_command.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class PushCommand final : public TransferCommand {
  Result<oci::Digest> Transfer(
      const std::string& name,
      const builder::TransferOptions& options) override {
    ASSIGN_OR_RETURN(oci::Descriptor pushed, builder::PushImage(name, options));
    return pushed.digest;
  }
  std::string verb() const override { return "Pushing"; }
};

}  // namespace

std::unique_ptr<Command> MakePushCommand() {
  return std::make_unique<PushCommand>();
}

}  // namespace strake::cli
