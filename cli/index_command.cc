// `strake index create` and `strake index append`.

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "builder/image_index.h"
#include "cli/command.h"
#include "cli/progress_mode.h"
#include "cli/shared_options.h"
#include "oci/reference.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

using IndexFunction = Result<oci::Descriptor> (*)(
    const std::string& name, const std::vector<std::string>& sources,
    const builder::IndexOptions& options);

class IndexCommand final : public Command {
 public:
  IndexCommand(IndexFunction function, std::string verb)
      : function_(function), verb_(std::move(verb)) {}

  void Declare(OptionSet& options) override {
    options.SetArguments(
        {"NAME SOURCE...", 2, OptionSet::kAnyNumber, Completes::kImages});
    options.List("--annotation", annotations_, {"[TYPE:]KEY=VALUE"},
                 "Annotate the index (TYPE index, the default) or the entries "
                 "that are added (manifest-descriptor)");
    DeclareRegistry(options, registry_flags_);
    DeclareProgress(options, progress_);
    options.Flag("-q,--quiet", quiet_, "Show no progress");
  }

  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override {
    name_ = std::move(arguments.front());
    arguments.erase(arguments.begin());
    sources_ = std::move(arguments);
    RETURN_IF_ERROR(oci::ParseReference(name_));
    for (const std::string& text : annotations_) {
      RETURN_IF_ERROR(AddAnnotation(text));
    }
    RETURN_IF_ERROR(ChooseProgress(progress_, environment));
    return {};
  }

  Result<int> Run(Session& session) override {
    const Environment& environment = session.environment;
    ASSIGN_OR_RETURN(index_.registry,
                     RegistryOptions(environment, registry_flags_));
    ASSIGN_OR_RETURN(ProgressMode mode, ChooseProgress(progress_, environment));
    if (quiet_) mode = ProgressMode::kQuiet;
    auto display = MakeProgress(mode, environment, {verb_, true});
    index_.progress = display.get();
    index_.stop = session.interrupt.token();
    auto pushed = function_(name_, sources_, index_);
    display.reset();
    if (!pushed) return std::move(pushed).error();
    ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(name_));
    RETURN_IF_ERROR(
        PrintOut(reference.Name() + "@" + pushed->digest.ToString() + "\n"));
    return kExitOk;
  }

 private:
  Status AddAnnotation(const std::string& text) {
    auto pair = SplitOnce(text, '=');
    if (!pair) {
      return InvalidArgument("--annotation \"" + text +
                             "\": expected KEY=VALUE");
    }
    std::string key(pair->first);
    auto* annotations = &index_.annotations;
    if (auto typed = SplitOnce(pair->first, ':')) {
      if (typed->first == "manifest-descriptor") {
        annotations = &index_.entry_annotations;
      } else if (typed->first != "index") {
        return InvalidArgument("--annotation \"" + text + "\": the type \"" +
                               std::string(typed->first) +
                               "\" is neither index nor manifest-descriptor");
      }
      key = typed->second;
    }
    if (key.empty()) {
      return InvalidArgument("--annotation \"" + text + "\": the key is empty");
    }
    annotations->insert_or_assign(key, std::string(pair->second));
    return {};
  }

  const IndexFunction function_;
  const std::string verb_;
  std::string name_;
  std::vector<std::string> sources_;
  std::vector<std::string> annotations_;
  RegistryFlags registry_flags_;
  std::string progress_;
  bool quiet_ = false;
  builder::IndexOptions index_;
};

}  // namespace

std::unique_ptr<Command> MakeIndexCreateCommand() {
  return std::make_unique<IndexCommand>(builder::CreateIndex, "Creating");
}

std::unique_ptr<Command> MakeIndexAppendCommand() {
  return std::make_unique<IndexCommand>(builder::AppendToIndex, "Appending");
}

}  // namespace strake::cli
