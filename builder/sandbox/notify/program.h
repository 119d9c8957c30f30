// What a process executes: found by execve(2), loaded by the resident loader,
// shown by /proc/self/exe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_PROGRAM_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_PROGRAM_H_

#include <compare>
#include <memory>
#include <string>
#include <vector>

#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

struct Program {
  std::string executable;   // path inside the root, without symlinks
  std::string interpreter;  // the dynamic loader's path; empty: static
  std::string given_name;   // as execve(2) was told (AT_EXECFN)
  std::string short_name;   // what PR_GET_NAME says
  // For a script: what comes instead of argv[0].
  std::vector<std::string> script_arguments;
  bool secure = false;  // AT_SECURE
  // The file itself where no path leads to it (in memory, or removed).
  std::shared_ptr<const UniqueFd> file;

  friend auto operator<=>(const Program&, const Program&) = default;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_PROGRAM_H_
