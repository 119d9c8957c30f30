// `strake manifest get` and `strake manifest put`.

#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/images.h"
#include "cli/registry_command.h"
#include "cli/value_flags.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/referrers.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

constexpr uint64_t kManifestLimitBytes = uint64_t{16} << 20;

class ManifestGetCommand final : public RegistryCommand {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"IMAGE", 1, 1, Completes::kImages});
    options.Value("--platform", platform_text_, {"OS/ARCH"},
                  "The manifest of one image of an index (default: the index)");
    options.Value("-o,--output", output_, {"FILE", Completes::kFiles},
                  "Write to FILE rather than to standard output");
    DeclareRegistryOptions(options);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    ASSIGN_OR_RETURN(image_, oci::ParseReference(arguments[0]));
    image_ = oci::WithDefaultTag(std::move(image_));
    if (platform_text_) {
      ASSIGN_OR_RETURN(platform_, ParseOnePlatform(*platform_text_));
    }
    return {};
  }

 private:
  // Whether the image of a manifest that is in no index is for `platform_`.
  Status CheckAlone(const registry::Client& client, const std::string& bytes,
                    std::stop_token stop) const {
    ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(bytes));
    ASSIGN_OR_RETURN(std::string config,
                     builder::FetchImageConfig(client, image_, manifest.config,
                                               std::move(stop)));
    return oci::CheckPlatform(config, *platform_);
  }

  Status Ask(const registry::Client& client, std::stop_token stop) override {
    ASSIGN_OR_RETURN(registry::FetchedManifest fetched,
                     client.FetchManifest(image_, stop));
    if (platform_ && !oci::IsIndex(fetched.descriptor.media_type)) {
      auto fits = CheckAlone(client, fetched.bytes, stop);
      if (!fits) return std::move(fits).error().Wrap(image_.ToString());
    }
    while (platform_ && oci::IsIndex(fetched.descriptor.media_type)) {
      ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(fetched.bytes));
      auto chosen = oci::SelectPlatform(index, *platform_);
      if (!chosen) return std::move(chosen).error().Wrap(image_.ToString());
      ASSIGN_OR_RETURN(
          fetched,
          client.FetchManifest(oci::ByDigest(image_, chosen->digest), stop));
    }
    return WriteAnswer(output_, fetched.bytes);
  }

  oci::Reference image_;
  std::optional<std::string> platform_text_;
  std::optional<oci::Platform> platform_;
  std::string output_;
};

class ManifestPutCommand final : public RegistryCommand {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"IMAGE FILE", 2, 2, Completes::kFiles});
    options.Value("--media-type", media_type_, {"TYPE"},
                  "Its media type (default: what the document says)");
    DeclareRegistryOptions(options);
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    ASSIGN_OR_RETURN(image_, oci::ParseReference(arguments[0]));
    file_ = std::move(arguments[1]);
    return {};
  }

 private:
  Result<std::string> ReadDocument() const {
    if (file_ != "-") return ReadFile(file_, kManifestLimitBytes);
    FdSource source(STDIN_FILENO);
    return ReadAll(source, kManifestLimitBytes);
  }

  Status Ask(const registry::Client& client, std::stop_token stop) override {
    auto bytes = ReadDocument();
    if (!bytes) return std::move(bytes).error().Wrap(file_);
    std::string type = media_type_;
    if (type.empty()) {
      auto detected = oci::DetectMediaType(*bytes);
      if (!detected) return std::move(detected).error().Wrap(file_);
      type = *std::move(detected);
    }
    // Without a tag it goes under its digest: nobody's "latest" is replaced.
    oci::Digest digest = oci::Digest::Of(*bytes);
    if (image_.tag.empty() && !image_.digest) image_.digest = digest;
    RETURN_IF_ERROR(registry::PutReferrer(client, image_, *bytes, type, stop));
    return PrintOut(image_.Name() + "@" + digest.ToString() + "\n");
  }

  oci::Reference image_;
  std::string file_;
  std::string media_type_;
};

}  // namespace

std::unique_ptr<Command> MakeManifestGetCommand() {
  return std::make_unique<ManifestGetCommand>();
}

std::unique_ptr<Command> MakeManifestPutCommand() {
  return std::make_unique<ManifestPutCommand>();
}

}  // namespace strake::cli
