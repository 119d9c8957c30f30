#include "cli/shared_options.h"

#include <utility>

#include "cli/value_flags.h"

namespace strake::cli {

void DeclareProgress(OptionSet& options, std::string& mode,
                     std::string_view fallback) {
  std::string help = "How progress is shown on standard error";
  if (!fallback.empty()) {
    help += " (default: " + std::string(fallback) + ")";
  }
  options.Value("--progress", mode,
                {"MODE",
                 Completes::kNothing,
                 {"auto", "tty", "plain", "quiet", "rawjson"}},
                std::move(help));
}

void DeclareSnapshotter(OptionSet& options, std::string& name) {
  options.Value("--snapshotter", name,
                {"NAME", Completes::kNothing, {"auto", "overlay", "plain"}},
                "How root file systems are kept");
}

void DeclareIsolation(OptionSet& options, std::string& isolation,
                      std::string_view what) {
  options.Value("--isolation", isolation, IsolationStyle(),
                "How " + std::string(what) +
                    " is isolated (default: $STRAKE_ISOLATION or the best "
                    "that works; see strake doctor)");
}

void DeclareRegistry(OptionSet& options, RegistryFlags& flags) {
  options.List("--insecure-registry", flags.insecure_registries,
               {"HOST[:PORT]"},
               "Allow plain HTTP and unverified certificates with this "
               "registry");
  options.List("--ca-cert", flags.ca_files, {"FILE", Completes::kFiles},
               "Trust these authorities (PEM), too, whoever the registry is");
  options.Value("--client-cert", flags.client_certificate_file,
                {"FILE", Completes::kFiles},
                "Certificate (PEM) for registries that ask for one");
  options.Value("--client-key", flags.client_key_file,
                {"FILE", Completes::kFiles},
                "Key of --client-cert, where it is not in that file");
  options.Value("--limit-rate", flags.limit_rate, {"AMOUNT"},
                "Move at most so much a second (as 10MB) to and from "
                "registries, all transfers together");
}

std::vector<std::string> RegistryWords(const RegistryFlags& flags) {
  std::vector<std::string> words;
  auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) words.insert(words.end(), {option, value});
  };
  for (const auto& host : flags.insecure_registries) {
    add("--insecure-registry", host);
  }
  for (const auto& file : flags.ca_files) add("--ca-cert", file);
  add("--client-cert", flags.client_certificate_file);
  add("--client-key", flags.client_key_file);
  add("--limit-rate", flags.limit_rate);
  return words;
}

void DeclareAttestations(OptionSet& options,
                         std::optional<std::string>& provenance,
                         std::optional<std::string>& sbom) {
  options.OptionalValue("--provenance", provenance,
                        "Only false is supported yet: no provenance");
  options.OptionalValue("--sbom", sbom,
                        "Only false is supported yet: no bill of materials");
}

void DeclareFormat(OptionSet& options, std::string& format,
                   std::string_view note) {
  std::string help = "How the answer is written";
  if (!note.empty()) help += "; " + std::string(note);
  options.Value("--format", format,
                {"FORMAT", Completes::kNothing, {format, "json"}},
                std::move(help));
}

}  // namespace strake::cli
