// What a process executes: found by execve(2), loaded by the resident loader,
// shown by /proc/self/exe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_PROGRAM_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_PROGRAM_H_

#include <compare>
#include <string>
#include <vector>

namespace strake::builder::sandbox::notify {

struct Program {
  std::string executable;   // path inside the root, without symlinks
  std::string interpreter;  // the dynamic loader's path; empty: static
  std::string given_name;   // as execve(2) was told (AT_EXECFN)
  std::string short_name;   // what PR_GET_NAME says
  // For a script: what comes instead of argv[0].
  std::vector<std::string> script_arguments;
  bool secure = false;  // AT_SECURE

  friend auto operator<=>(const Program&, const Program&) = default;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_PROGRAM_H_
