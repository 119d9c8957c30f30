// `strake referrers`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/registry_command.h"
#include "cli/shared_options.h"
#include "oci/manifest.h"
#include "registry/referrers.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

class ReferrersCommand final : public RegistryCommand {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"IMAGE", 1, 1, Completes::kImages});
    options.Value("--artifact-type", artifact_type_, {"TYPE"},
                  "Only those of this type");
    DeclareFormat(options, format_);
    DeclareRegistryOptions(options);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    ASSIGN_OR_RETURN(image_, oci::ParseReference(arguments[0]));
    image_ = oci::WithDefaultTag(std::move(image_));
    return {};
  }

 private:
  Status Ask(const registry::Client& client, std::stop_token stop) override {
    if (!image_.digest) {
      ASSIGN_OR_RETURN(oci::Descriptor subject,
                       client.ResolveManifest(image_, stop));
      image_.digest = subject.digest;
    }
    ASSIGN_OR_RETURN(registry::Referrers referrers,
                     registry::ListReferrers(client, image_, *image_.digest,
                                             artifact_type_, stop));
    return PrintOut(format_ == "json" ? Json(std::move(referrers))
                                      : Lines(referrers));
  }

  // As the registry's own list is.
  static std::string Json(registry::Referrers referrers) {
    oci::Index index;
    index.manifests = std::move(referrers.manifests);
    return oci::SerializeIndex(index) + "\n";
  }

  static std::string Lines(const registry::Referrers& referrers) {
    std::string text;
    for (const oci::Descriptor& entry : referrers.manifests) {
      text += entry.digest.ToString() + "  " +
              (entry.artifact_type.empty() ? entry.media_type
                                           : entry.artifact_type) +
              "\n";
    }
    return text;
  }

  oci::Reference image_;
  std::string artifact_type_;
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Command> MakeReferrersCommand() {
  return std::make_unique<ReferrersCommand>();
}

}  // namespace strake::cli
