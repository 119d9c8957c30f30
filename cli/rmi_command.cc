// `strake rmi`: removes names, and images that have none left.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "builder/build.h"
#include "builder/images.h"
#include "cli/command.h"
#include "oci/reference.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

// As people write it.
std::string FamiliarName(const std::string& name) {
  auto reference = oci::ParseReference(name);
  return reference ? reference->Familiar() : name;
}

class RmiCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments(
        {"IMAGE...", 1, OptionSet::kAnyNumber, Completes::kImages});
    options.Flag(
        "-f,--force", force_,
        "Remove all names of an ID; an image that is not there is fine");
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    images_ = std::move(arguments);
    return {};
  }
  // Root file systems may hold files of other users.
  void Prepare() override { builder::PrepareProcess(); }
  // Every image is tried; what could not be removed is told, and makes the
  // whole fail.
  Result<int> Run(Session& session) override {
    ASSIGN_OR_RETURN(std::string store, StoreDirectory(session.environment));
    int status = kExitOk;
    for (const std::string& image : images_) {
      auto removed = builder::RemoveImage(store, image, force_);
      if (!removed) {
        if (force_ && removed.error().code() == ErrorCode::kNotFound) continue;
        PrintError(ErrorText(removed.error()));
        status = kExitFailed;
        continue;
      }
      std::string text;
      for (const std::string& name : removed->names) {
        text += "Untagged: " + FamiliarName(name) + "\n";
      }
      for (const oci::Digest& digest : removed->blobs) {
        text += "Deleted: " + digest.ToString() + "\n";
      }
      RETURN_IF_ERROR(PrintOut(text));
      if (removed->blobs_kept) {
        PrintError(
            "Other strakes are using the store: the blobs stay until "
            "the next rmi.\n");
      }
    }
    return status;
  }

 private:
  std::vector<std::string> images_;
  bool force_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeRmiCommand() {
  return std::make_unique<RmiCommand>();
}

}  // namespace strake::cli
