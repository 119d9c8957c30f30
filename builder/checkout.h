// A build context of any kind as plain files in a folder: the workspace of a
// task.

#ifndef STRAKE_BUILDER_CHECKOUT_H_
#define STRAKE_BUILDER_CHECKOUT_H_

#include <cstdint>
#include <string>

#include "builder/build.h"
#include "util/result.h"

namespace strake::builder {

struct CheckedOut {
  // Of a git repository, be it the context or the folder that is; else empty.
  std::string commit;
  std::string branch;  // or the tag that was asked for
  uint64_t files = 0;
};

// Fills the folder `destination`, which exists and is empty, with
// `options.context`. Of `options` also the store, the registry, secrets and git
// environment, `progress` and `stop` count. Of a folder, what its
// `.dockerignore` excludes is left out, and what version control systems keep
// for themselves at the top (".git", ".svn" ...) unless the ignore file takes
// it in again ("!.git"). Owners are this process's. `kInvalidArgument`: a
// stream that is no archive.
Result<CheckedOut> CheckOut(const BuildOptions& options,
                            const std::string& destination);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_CHECKOUT_H_
