// Several builds at once, of which some use what others make.

#ifndef STRAKE_BUILDER_BUILD_TARGETS_H_
#define STRAKE_BUILDER_BUILD_TARGETS_H_

#include <map>
#include <string>
#include <vector>

#include "builder/build.h"
#include "builder/progress.h"
#include "util/result.h"

namespace strake::builder {

struct TargetBuild {
  std::string name;
  BuildOptions options;  // progress and stop are those of all
  // Named contexts that are the results of others: context to target.
  std::map<std::string, std::string> uses;
  // Built for others only: it goes to no output, is given no name, and is not
  // among the images of the store. Its caches are written.
  bool only_used = false;
};

// Builds all of `targets`, each after those that it uses, others at the same
// time. A step that several have in common is carried out once, also with
// `no_cache`. The first failure stops the others and is returned, with the name
// of its target.
//   targets   all on one store, each after those that it uses
//   progress  borrowed; steps are called by their target: "[app 1/2] RUN make"
Result<std::map<std::string, BuildResult>> BuildTargets(
    std::vector<TargetBuild> targets, ProgressSink* progress,
    std::stop_token stop);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_BUILD_TARGETS_H_
