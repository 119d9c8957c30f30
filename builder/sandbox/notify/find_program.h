// What execve(2) of a path inside the root comes to: scripts followed to their
// interpreter, the ELF file looked at, set-id bits and file capabilities
// applied.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_FIND_PROGRAM_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_FIND_PROGRAM_H_

#include <memory>
#include <string>

#include "builder/sandbox/notify/credentials.h"
#include "builder/sandbox/notify/emulation.h"
#include "builder/sandbox/notify/path_resolver.h"
#include "builder/sandbox/notify/program.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

struct FoundProgram {
  Program program;
  Credentials credentials;  // the process's afterwards
  // Open for reading; the second is null where the program is static.
  std::shared_ptr<const UniqueFd> executable;
  std::shared_ptr<const UniqueFd> interpreter;
  // False for a file in memory, or one that was removed.
  bool has_path = true;
};

// 0 or the negative errno of execve(2).
//   path   as the caller named it; empty: `directory` is the file itself
//   flags  AT_SYMLINK_NOFOLLOW is looked at
int FindProgram(Emulation& emulation, const Viewer& viewer, int directory,
                const std::string& path, int flags, FoundProgram& found);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_FIND_PROGRAM_H_
