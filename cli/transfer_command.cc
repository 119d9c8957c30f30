#include "cli/transfer_command.h"

#include <utility>

#include "cli/failures.h"
#include "cli/progress_mode.h"
#include "cli/shared_options.h"
#include "oci/reference.h"
#include "util/result_macros.h"

namespace strake::cli {

void TransferCommand::Declare(OptionSet& options) {
  options.SetArguments({most_names() > 1 ? "NAME..." : "NAME", 1, most_names(),
                        Completes::kImages});
  DeclareRegistry(options, registry_flags_);
  DeclareProgress(options, progress_);
  options.Flag("-q,--quiet", quiet_, "Show no progress");
  options.NotYetFlag("-a,--all-tags");
  options.NotYetFlag("--disable-content-trust");
}

Status TransferCommand::Resolve(const Environment& environment,
                                std::vector<std::string> arguments) {
  names_ = std::move(arguments);
  // Found out here already, so that it counts as a mistake in usage.
  for (const std::string& name : names_) {
    RETURN_IF_ERROR(oci::ParseReference(name));
  }
  RETURN_IF_ERROR(ChooseProgress(progress_, environment));
  return {};
}

Result<int> TransferCommand::Run(Session& session) {
  const Environment& environment = session.environment;
  ASSIGN_OR_RETURN(transfer_.store_directory, StoreDirectory(environment));
  ASSIGN_OR_RETURN(transfer_.registry,
                   RegistryOptions(environment, registry_flags_));
  ASSIGN_OR_RETURN(ProgressMode mode, ChooseProgress(progress_, environment));
  if (quiet_) mode = ProgressMode::kQuiet;
  auto display = MakeProgress(mode, environment, {verb(), true});
  transfer_.progress = display.get();
  transfer_.stop = session.interrupt.token();
  auto digests = Transfer(names_, transfer_);
  display.reset();
  if (!digests) return std::move(digests).error();
  Failures failures;
  for (size_t i = 0; i < names_.size(); ++i) {
    if (!(*digests)[i]) {
      failures.Add(std::move((*digests)[i]).error());
      continue;
    }
    ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(names_[i]));
    RETURN_IF_ERROR(
        PrintOut(reference.Name() + "@" + (*digests)[i]->ToString() + "\n"));
  }
  RETURN_IF_ERROR(std::move(failures).Take());
  return kExitOk;
}

}  // namespace strake::cli
