// The options of `strake build`, from words to `BuildOptions`.

#ifndef STRAKE_CLI_BUILD_FLAGS_H_
#define STRAKE_CLI_BUILD_FLAGS_H_

#include <optional>
#include <string>
#include <vector>

#include "builder/build.h"
#include "cli/environment.h"
#include "cli/option_set.h"
#include "cli/progress_mode.h"
#include "cli/value_flags.h"
#include "util/result.h"

namespace strake::cli {

// What was asked for. What it takes a file, a pipe or a registry to know is
// not in `options` yet.
struct BuildRequest {
  enum class Call { kBuild, kCheck, kOutline, kTargets };
  Call call = Call::kBuild;
  bool call_json = false;
  builder::BuildOptions options;
  bool context_from_stdin = false;
  bool dockerfile_from_stdin = false;
  std::vector<SecretSpec> secrets;
  RegistryFlags registry_flags;
  std::string image_id_file;  // may be empty
  std::string metadata_file;  // may be empty
  std::string explain_file;   // may be empty
  bool quiet = false;
  bool writes_stdout = false;  // an output goes there
  ProgressMode progress = ProgressMode::kPlain;
};

// Adds what is found outside: the store, credentials, the values of secrets.
Status CompleteRequest(const Environment& environment, BuildRequest& request);

class BuildFlags {
 public:
  // Options that docker buildx has and strake has not are declared as such.
  void Declare(OptionSet& options);
  // `arguments` is the context alone. Errors: what a value has wrong, and
  // combinations that cannot be.
  Result<BuildRequest> Resolve(const Environment& environment,
                               const std::vector<std::string>& arguments) const;

 private:
  Status ResolveCall(BuildRequest& request) const;
  Status ResolveContext(const std::string& context,
                        BuildRequest& request) const;
  Status ResolveValues(const Environment& environment,
                       BuildRequest& request) const;
  Status ResolveOutputs(const Environment& environment,
                        BuildRequest& request) const;

  std::vector<std::string> tags_;
  std::string file_;
  std::string target_;
  std::vector<std::string> build_args_;
  std::vector<std::string> labels_;
  std::vector<std::string> annotations_;
  std::vector<std::string> outputs_;
  std::vector<std::string> extra_hosts_;
  std::vector<std::string> secrets_;
  std::vector<std::string> ssh_;
  std::vector<std::string> named_contexts_;
  RegistryFlags registry_flags_;
  std::vector<std::string> cache_from_;
  std::vector<std::string> cache_to_;
  std::vector<std::string> no_cache_stages_;
  std::vector<std::string> platforms_;
  std::optional<std::string> explain_;
  std::optional<std::string> provenance_;
  std::optional<std::string> sbom_;
  std::string network_ = "default";
  std::string progress_;
  std::string snapshotter_ = "auto";
  std::string isolation_;
  std::string jobs_ = "0";
  std::string image_id_file_;
  std::string metadata_file_;
  std::string call_ = "build";
  std::vector<std::string> allow_;
  bool check_ = false;
  bool squash_ = false;
  bool no_cache_ = false;
  bool pull_ = false;
  bool push_ = false;
  bool load_ = false;
  bool quiet_ = false;
  bool remove_ = true;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_BUILD_FLAGS_H_
