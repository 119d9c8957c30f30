// `strake copy`.

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/copy_image.h"
#include "cli/command.h"
#include "cli/progress_mode.h"
#include "cli/shared_options.h"
#include "cli/value_flags.h"
#include "oci/reference.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

using Kind = builder::ImagePlace::Kind;

class CopyCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"SOURCE DESTINATION", 2, 2, Completes::kImages});
    options.Value("--platform", platform_, {"OS/ARCH"},
                  "Copy one image of an index (default: all, with the index)");
    options.Flag("--referrers", copy_.referrers,
                 "Copy also what refers to the image: signatures, bills of "
                 "materials");
    DeclareRegistry(options, registry_flags_);
    DeclareProgress(options, progress_);
    options.Flag("-q,--quiet", quiet_, "Show no progress");
  }

  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override {
    ASSIGN_OR_RETURN(from_, builder::ParseImagePlace(arguments[0]));
    ASSIGN_OR_RETURN(to_, builder::ParseImagePlace(arguments[1]));
    if (platform_) {
      ASSIGN_OR_RETURN(copy_.platform, ParseOnePlatform(*platform_));
    }
    RETURN_IF_ERROR(ChooseProgress(progress_, environment));
    return {};
  }

  Result<int> Run(Session& session) override {
    const Environment& environment = session.environment;
    bool uses_store = from_.kind == Kind::kStore || to_.kind == Kind::kStore;
    if (uses_store) {
      ASSIGN_OR_RETURN(copy_.store_directory, StoreDirectory(environment));
    }
    ASSIGN_OR_RETURN(copy_.registry,
                     RegistryOptions(environment, registry_flags_));
    ASSIGN_OR_RETURN(ProgressMode mode, ChooseProgress(progress_, environment));
    if (quiet_) mode = ProgressMode::kQuiet;
    auto display = MakeProgress(mode, environment, {"Copying", true});
    copy_.progress = display.get();
    copy_.stop = session.interrupt.token();
    auto copied = builder::CopyImage(from_, to_, copy_);
    display.reset();
    if (!copied) return std::move(copied).error();
    // What the archive itself goes to is not for a digest.
    if (to_.path == "-") return kExitOk;
    RETURN_IF_ERROR(PrintOut(NameOf(copied->image.digest) + "\n"));
    return kExitOk;
  }

 private:
  // By which the copy can be had again, whatever becomes of tags.
  std::string NameOf(const oci::Digest& digest) const {
    auto reference = oci::ParseReference(to_.name);
    switch (to_.kind) {
      case Kind::kRegistry:
      case Kind::kStore:
        if (reference) return reference->Name() + "@" + digest.ToString();
        break;
      case Kind::kLayout:
        return "oci:" + to_.path + "@" + digest.ToString();
      case Kind::kOciArchive:
        return "oci-archive:" + to_.path + "@" + digest.ToString();
      case Kind::kDockerArchive:
        break;
    }
    return digest.ToString();
  }

  builder::ImagePlace from_;
  builder::ImagePlace to_;
  builder::CopyImageOptions copy_;
  std::optional<std::string> platform_;
  RegistryFlags registry_flags_;
  std::string progress_;
  bool quiet_ = false;
};

}  // namespace

std::unique_ptr<Command> MakeCopyCommand() {
  return std::make_unique<CopyCommand>();
}

}  // namespace strake::cli
