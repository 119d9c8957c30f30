// `strake pull`.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cli/transfer_command.h"
#include "cli/value_flags.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class PullCommand final : public TransferCommand {
 public:
  void Declare(OptionSet& options) override {
    TransferCommand::Declare(options);
    options.Value("--platform", platform_, {"OS/ARCH"},
                  "Which image of an index (default: this machine's)");
  }
  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override {
    if (platform_) {
      ASSIGN_OR_RETURN(transfer_.platform, ParseOnePlatform(*platform_));
    }
    return TransferCommand::Resolve(environment, std::move(arguments));
  }

 private:
  Result<std::vector<Result<oci::Digest>>> Transfer(
      const std::vector<std::string>& names,
      const builder::TransferOptions& options) override {
    ASSIGN_OR_RETURN(auto pulled, builder::PullImages(names, options));
    std::vector<Result<oci::Digest>> digests;
    for (Result<builder::StoredImage>& image : pulled) {
      if (image) {
        digests.push_back(image->descriptor.digest);
      } else {
        digests.push_back(std::move(image).error());
      }
    }
    return digests;
  }
  size_t most_names() const override { return OptionSet::kAnyNumber; }
  std::string verb() const override { return "Pulling"; }

  std::optional<std::string> platform_;
};

}  // namespace

std::unique_ptr<Command> MakePullCommand() {
  return std::make_unique<PullCommand>();
}

}  // namespace strake::cli
