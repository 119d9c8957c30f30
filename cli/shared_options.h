// Options that several commands have, each declared in one place: named,
// completed and explained alike wherever it stands. Targets are borrowed and
// hold what counts where the option is not given.

#ifndef STRAKE_CLI_SHARED_OPTIONS_H_
#define STRAKE_CLI_SHARED_OPTIONS_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/environment.h"
#include "cli/option_set.h"

namespace strake::cli {

// `--progress`, to be read by `ChooseProgress`.
//   fallback  what counts where it is not given, if --help is to say so
void DeclareProgress(OptionSet& options, std::string& mode,
                     std::string_view fallback = "");

// `--snapshotter`.
void DeclareSnapshotter(OptionSet& options, std::string& name);

// `--isolation`, to be read by `ParseIsolation`.
//   what  "RUN", "the command"
void DeclareIsolation(OptionSet& options, std::string& isolation,
                      std::string_view what);

// `--insecure-registry`, `--ca-cert`, `--client-cert`, `--client-key` and
// `--limit-rate`, to be read by `RegistryOptions`.
void DeclareRegistry(OptionSet& options, RegistryFlags& flags);
// The words that give `flags` to another command.
std::vector<std::string> RegistryWords(const RegistryFlags& flags);

// `--provenance` and `--sbom`.
void DeclareAttestations(OptionSet& options,
                         std::optional<std::string>& provenance,
                         std::optional<std::string>& sbom);

// `--format` of an answer: as it is, for people, or JSON.
//   format  what the format for people is called
//   note    what else --help says; may be empty
void DeclareFormat(OptionSet& options, std::string& format,
                   std::string_view note = "");

}  // namespace strake::cli

#endif  // STRAKE_CLI_SHARED_OPTIONS_H_
