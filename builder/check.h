// Build checks without building: `strake build --check`, `strake lint`, and the
// questions of `--call`.

#ifndef STRAKE_BUILDER_CHECK_H_
#define STRAKE_BUILDER_CHECK_H_

#include <string>

#include "builder/build.h"
#include "dockerfile/check_report.h"
#include "util/result.h"

namespace strake::builder {

// What a check has found; `dockerfile/check_report.h` shows it to people and
// programs.
struct CheckReport {
  dockerfile::CheckedFile file;
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

enum class CallFormat { kText, kJson };
// `--call=targets`: the stages that can be built.
Result<std::string> ListTargets(const BuildOptions& options, CallFormat format);
// `--call=outline`: what the target takes.
Result<std::string> Outline(const BuildOptions& options, CallFormat format);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_CHECK_H_
