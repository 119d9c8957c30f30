#include "cli/registry_command.h"

#include <utility>

#include "cli/shared_options.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {

void RegistryCommand::DeclareRegistryOptions(OptionSet& options) {
  DeclareRegistry(options, registry_flags_);
}

Result<int> RegistryCommand::Run(Session& session) {
  ASSIGN_OR_RETURN(auto options,
                   RegistryOptions(session.environment, registry_flags_));
  registry::Client client(std::move(options));
  RETURN_IF_ERROR(Ask(client, session.interrupt.token()));
  return kExitOk;
}

Result<oci::Reference> ParseRepository(const std::string& text) {
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(text));
  if (!reference.tag.empty() || reference.digest) {
    return InvalidArgument(GoQuote(text) +
                           ": give a repository, without tag or digest");
  }
  return reference;
}

Status WriteAnswer(const std::string& file, std::string_view bytes) {
  if (file.empty() || file == "-") return PrintOut(bytes);
  return WriteFileAtomically(file, bytes, {.mode = 0644, .sync = true});
}

}  // namespace strake::cli
