// What becomes of owner and mode of a file that a process makes (inheritance
// from its directory) or writes to (set-id bits and capabilities).

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_NEW_FILE_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_NEW_FILE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>

#include "builder/sandbox/notify/request.h"

namespace strake::builder::sandbox::notify {

// The permission bits that a file has on disk when it is meant to have `mode`:
// its user is never locked out, and no set-id bit has a meaning there.
mode_t DiskMode(mode_t mode);

// Records the file that was just made in `directory` (O_PATH) for the caller.
//   file  as the kernel gives it
//   mode  with the type; umask applied
// REQUIRES: `Emulation::changes` is held.
void RecordNewFile(Request& request, int directory, const struct stat& file,
                   mode_t mode, uint64_t rdev = 0);

// Takes from the file that the caller is about to write to what the kernel
// would take from it: file capabilities, and set-id bits unless the caller has
// CAP_FSETID.
//   file  as the kernel gives it
// REQUIRES: `Emulation::changes` is not held.
void RecordWrite(Request& request, const struct stat& file);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_NEW_FILE_H_
