// `strake delete`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/failures.h"
#include "cli/registry_command.h"
#include "registry/referrers.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

class DeleteCommand final : public RegistryCommand {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"IMAGE...", 1, OptionSet::kAnyNumber});
    DeclareRegistryOptions(options);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    for (const std::string& text : arguments) {
      ASSIGN_OR_RETURN(oci::Reference image, oci::ParseReference(text));
      // Nothing is supplied here: what goes away is named in full.
      if (image.tag.empty() == !image.digest) {
        return InvalidArgument(GoQuote(text) +
                               ": name either a tag (NAME:TAG) or a digest "
                               "(NAME@sha256:...)");
      }
      images_.push_back(std::move(image));
    }
    return {};
  }

 private:
  Status Ask(const registry::Client& client, std::stop_token stop) override {
    Failures failures;
    for (const oci::Reference& image : images_) {
      Status deleted = image.digest
                           ? registry::DeleteReferrer(client, image, stop)
                           : DeleteTag(client, image, stop);
      if (deleted) {
        RETURN_IF_ERROR(PrintOut("Deleted " + image.ToString() + "\n"));
      } else {
        failures.Add(std::move(deleted).error());
      }
      if (stop.stop_requested()) break;
    }
    return std::move(failures).Take();
  }

  static Status DeleteTag(const registry::Client& client,
                          const oci::Reference& image, std::stop_token stop) {
    // That a tag is not there is told in many ways by those who delete none.
    ASSIGN_OR_RETURN(oci::Descriptor named,
                     client.ResolveManifest(image, stop));
    Status deleted = client.DeleteManifest(image, stop);
    if (deleted || deleted.error().code() != ErrorCode::kUnsupported) {
      return deleted;
    }
    return Unsupported(deleted.error().message() +
                       "; where it is only tags that it does not delete, this "
                       "deletes the image with all of them: strake delete " +
                       oci::ByDigest(image, named.digest).ToString());
  }

  std::vector<oci::Reference> images_;
};

}  // namespace

std::unique_ptr<Command> MakeDeleteCommand() {
  return std::make_unique<DeleteCommand>();
}

}  // namespace strake::cli
