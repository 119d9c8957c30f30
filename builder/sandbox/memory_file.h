// Files without a name, in memory. A host may want none of them executed
// (sysctl vm.memfd_noexec), or none made that could be.

#ifndef STRAKE_BUILDER_SANDBOX_MEMORY_FILE_H_
#define STRAKE_BUILDER_SANDBOX_MEMORY_FILE_H_

#include <string>
#include <string_view>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

// An empty file, open for reading and writing; /proc shows it as
// "/memfd:`name`". Perhaps nobody can execute it.
Result<UniqueFd> MakeMemoryFile(const std::string& name);

// A file that holds `image` and can be executed by way of /proc/PID/fd: in
// memory, or, where the host forbids that, on disk.
//   folder  where it then is, for a moment under a name; on a file system that
//           is not mounted noexec
Result<UniqueFd> MakeProgramFile(const std::string& name,
                                 std::string_view image,
                                 const std::string& folder);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_MEMORY_FILE_H_
