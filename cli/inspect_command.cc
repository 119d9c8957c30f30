// `strake inspect`: what an image is made of.

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/images.h"
#include "cli/command.h"
#include "cli/failures.h"
#include "cli/go_template.h"
#include "cli/image_info.h"
#include "cli/shared_options.h"
#include "cli/value_flags.h"
#include "util/json.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

constexpr std::string_view kRemoteScheme = "docker://";

class InspectCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments(
        {"IMAGE...", 1, OptionSet::kAnyNumber, Completes::kImages});
    options.Flag("--raw", raw_, "Print the manifest (or index), byte for byte");
    options.Flag("--config", config_, "Print the image config, byte for byte");
    options.Flag("--verify", verify_,
                 "Check every digest, size and diff ID of the image first");
    options.Value("-f,--format", format_, {"TEMPLATE"},
                  "Print what the template makes of each image");
    options.Flag("--remote", remote_,
                 "Ask the registries of the images, and pull nothing; for one "
                 "image: docker://IMAGE");
    options.Value("--platform", platform_, {"OS/ARCH"},
                  "Which image of a registry's index (default: the index)");
    DeclareRegistry(options, registry_flags_);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    if (platform_) {
      ASSIGN_OR_RETURN(inspection_.platform, ParseOnePlatform(*platform_));
    }
    if (static_cast<int>(raw_) + static_cast<int>(config_) +
            static_cast<int>(!format_.empty()) >
        1) {
      return InvalidArgument("--raw, --config and --format exclude each other");
    }
    if ((raw_ || config_) && arguments.size() > 1) {
      return InvalidArgument("--raw and --config take one image");
    }
    images_ = std::move(arguments);
    bool any_remote = remote_ || std::ranges::any_of(images_, IsRemote);
    if (any_remote && verify_) {
      return InvalidArgument("--verify is for images of the store");
    }
    if (platform_ && !any_remote) {
      return InvalidArgument(
          "--platform is for images of registries: --remote");
    }
    return {};
  }
  Result<int> Run(Session& session) override {
    ASSIGN_OR_RETURN(inspection_.registry,
                     RegistryOptions(session.environment, registry_flags_));
    inspection_.stop = session.interrupt.token();
    std::vector<std::string> documents;
    Failures failures;
    for (const std::string& image : images_) {
      bool remote = remote_ || IsRemote(image);
      auto document = remote ? InspectRemote(image)
                             : InspectStored(session.environment, image);
      if (document) {
        documents.push_back(*std::move(document));
      } else {
        failures.Add(std::move(document).error());
      }
    }
    if (!documents.empty()) {
      ASSIGN_OR_RETURN(std::string text, Format(documents));
      RETURN_IF_ERROR(PrintOut(text));
    }
    RETURN_IF_ERROR(std::move(failures).Take());
    return kExitOk;
  }

 private:
  static bool IsRemote(const std::string& image) {
    return image.starts_with(kRemoteScheme);
  }

  Result<std::string> InspectRemote(std::string image) const {
    if (IsRemote(image)) image.erase(0, kRemoteScheme.size());
    ASSIGN_OR_RETURN(auto documents,
                     builder::InspectRemoteImage(image, inspection_));
    if (config_ && documents.config.empty()) {
      // An index has none of its own, and this machine's is what pull takes.
      builder::RemoteInspection inspection = inspection_;
      inspection.platform = oci::HostPlatform();
      ASSIGN_OR_RETURN(documents,
                       builder::InspectRemoteImage(image, inspection));
    }
    if (raw_) return documents.manifest;
    if (config_) return documents.config;
    return InspectJson(documents, {documents.image.name});
  }

  Result<std::string> InspectStored(const Environment& environment,
                                    const std::string& image) const {
    ASSIGN_OR_RETURN(std::string store, StoreDirectory(environment));
    if (verify_) RETURN_IF_ERROR(builder::VerifyImage(store, image));
    ASSIGN_OR_RETURN(auto documents, builder::InspectImage(store, image));
    if (raw_) return documents.manifest;
    if (config_) {
      if (documents.config.empty()) {
        return InvalidArgument(image + " is an index, which has no config");
      }
      return documents.config;
    }
    ASSIGN_OR_RETURN(auto stored, builder::ListImages(store));
    std::vector<std::string> names;
    for (const builder::StoredImage& other : stored) {
      bool same = other.descriptor.digest == documents.image.descriptor.digest;
      if (same && !other.name.empty()) names.push_back(other.name);
    }
    return InspectJson(documents, names);
  }

  Result<std::string> Format(const std::vector<std::string>& documents) const {
    if (raw_ || config_) return documents[0];
    std::string text;
    if (!format_.empty() && format_ != "json") {
      for (const std::string& document : documents) {
        ASSIGN_OR_RETURN(std::string line, FormatGoTemplate(format_, document));
        text += line + "\n";
      }
      return text;
    }
    nlohmann::json array = nlohmann::json::array();
    for (const std::string& document : documents) {
      ASSIGN_OR_RETURN(auto parsed, ParseJson(document));
      array.push_back(std::move(parsed));
    }
    return (format_ == "json" ? DumpJson(array) : DumpJsonPretty(array)) + "\n";
  }

  std::vector<std::string> images_;
  std::string format_;
  bool raw_ = false;
  bool config_ = false;
  bool verify_ = false;
  bool remote_ = false;
  std::optional<std::string> platform_;
  RegistryFlags registry_flags_;
  builder::RemoteInspection inspection_;
};

}  // namespace

std::unique_ptr<Command> MakeInspectCommand() {
  return std::make_unique<InspectCommand>();
}

}  // namespace strake::cli
