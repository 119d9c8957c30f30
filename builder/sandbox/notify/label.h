// What the supervisor knows of a process, kept by the kernel in the process
// itself.
//
// A supervisor that keeps a table of processes has to follow every fork, vfork,
// clone and exit, and to be safe against reused ids. Instead the soft limit
// RLIMIT_RTTIME holds a label: each process has its own, fork and exec hand it
// on, and nothing else uses it (it concerns real-time scheduling only).
// Threads of a process share it. The filter keeps programs from seeing or
// changing it.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_LABEL_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_LABEL_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>

namespace strake::builder::sandbox::notify {

struct Label {
  uint32_t program = 0;      // id in the table of programs, 24 bits
  uint32_t credentials = 0;  // id in the table of credentials, 24 bits
  uint32_t umask = 022;      // 9 bits
  friend bool operator==(const Label&, const Label&) = default;
};

uint64_t PackLabel(const Label& label);
// Nothing for a number that is no label.
std::optional<Label> UnpackLabel(uint64_t packed);

// The label of the process that `thread` belongs to; nothing where the process
// is gone or not one of ours.
std::optional<Label> ReadLabel(pid_t thread);
// False where the process is gone.
bool WriteLabel(pid_t thread, const Label& label);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_LABEL_H_
