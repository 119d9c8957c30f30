// `strake tag`: another name for an image.

#include <memory>
#include <utility>

#include "builder/images.h"
#include "cli/command.h"
#include "oci/reference.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class TagCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"IMAGE NEW_NAME", 2, 2, Completes::kImages});
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    RETURN_IF_ERROR(oci::ParseReference(arguments[1]));
    image_ = std::move(arguments[0]);
    new_name_ = std::move(arguments[1]);
    return {};
  }
  Result<int> Run(Session& session) override {
    ASSIGN_OR_RETURN(std::string store, StoreDirectory(session.environment));
    RETURN_IF_ERROR(builder::TagImage(store, image_, new_name_));
    return kExitOk;
  }

 private:
  std::string image_;
  std::string new_name_;
};

}  // namespace

std::unique_ptr<Command> MakeTagCommand() {
  return std::make_unique<TagCommand>();
}

}  // namespace strake::cli
