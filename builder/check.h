// Build checks without building: `strake build --check`, `strake lint`, and the
// questions of `--call`.

#ifndef STRAKE_BUILDER_CHECK_H_
#define STRAKE_BUILDER_CHECK_H_

#include <string>
#include <vector>

#include "builder/build.h"
#include "util/result.h"

namespace strake::builder {

struct Finding {
  bool is_error = false;    // a mistake; otherwise a lint
  std::string rule;         // "StageNameCasing"; empty for a mistake
  std::string description;  // of the rule
  std::string url;          // of the rule's page; may be empty
  std::string message;
  int first_line = 0;  // 1-based; 0: the file as a whole
  int first_column = 0;
  int last_line = 0;
  int last_column = 0;
};

struct CheckReport {
  std::string filename;
  std::string text;               // of the Dockerfile
  std::vector<Finding> findings;  // by place
  bool fails = false;  // there is a mistake, or a finding and `error=true`
};

// What is known of base images.
enum class CheckImages {
  kResolve,  // their configurations are fetched, as for a build
  kAssume,   // no registry is asked; what depends on a base is not judged
};

// Parses and plans without executing: all stages where no target is named.
// Errors only where the check could not be made (no file, no base image).
Result<CheckReport> Check(const BuildOptions& options, CheckImages images);

// The report as buildx prints it; "" where there is nothing to say.
std::string CheckText(const CheckReport& report);
// The JSON of `--call=check,format=json`.
std::string CheckJson(const CheckReport& report);
// SARIF 2.1.0 of any number of files, for code scanning.
std::string CheckSarif(const std::vector<CheckReport>& reports);

enum class CallFormat { kText, kJson };
// `--call=targets`: the stages that can be built.
Result<std::string> ListTargets(const BuildOptions& options, CallFormat format);
// `--call=outline`: what the target takes.
Result<std::string> Outline(const BuildOptions& options, CallFormat format);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_CHECK_H_
