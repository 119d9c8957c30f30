// `strake version`.

#include <memory>

#include "cli/command.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class VersionCommand final : public Command {
 public:
  void Declare(OptionSet&) override {}
  Status Resolve(const Environment&, std::vector<std::string>) override {
    return {};
  }
  Result<int> Run(Session&) override {
    RETURN_IF_ERROR(PrintOut("strake " STRAKE_VERSION "\n"));
    return kExitOk;
  }
};

}  // namespace

std::unique_ptr<Command> MakeVersionCommand() {
  return std::make_unique<VersionCommand>();
}

}  // namespace strake::cli
