// Memory of a process whose system call is being answered.
//
// Functions return 0 or a negative errno: -EFAULT for an address that is not
// there, as the kernel would. Stateless; safe to call from any thread.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_TRACEE_MEMORY_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_TRACEE_MEMORY_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace strake::builder::sandbox::notify {

int ReadMemory(pid_t thread, uint64_t address, void* to, size_t size);
int WriteMemory(pid_t thread, uint64_t address, const void* from, size_t size);

// A string that ends in NUL, as long as a path may be (PATH_MAX with the NUL;
// else -ENAMETOOLONG).
int ReadString(pid_t thread, uint64_t address, std::string& to);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_TRACEE_MEMORY_H_
