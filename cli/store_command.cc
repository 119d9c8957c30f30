#include "cli/store_command.h"

#include "builder/build.h"
#include "cli/shared_options.h"
#include "util/result_macros.h"

namespace strake::cli {

void StoreCommand::DeclareFormat(OptionSet& options, std::string_view note) {
  cli::DeclareFormat(options, format_, note);
}

void StoreCommand::Prepare() { builder::PrepareProcess(); }

Result<int> StoreCommand::Run(Session& session) {
  ASSIGN_OR_RETURN(std::string store, StoreDirectory(session.environment));
  return RunOn(store);
}

}  // namespace strake::cli
