// The seccomp program that decides which system calls are answered where the
// kernel does everything but devices.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_FILTER_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_FILTER_H_

#include <vector>

#include "builder/sandbox/bpf_program.h"

namespace strake::builder::sandbox::notify {

enum class DeviceCallSet {
  kMaking,  // mknod(2) of devices: costs nothing that is not one
  kAll,     // also what looks at files and opens them
};

// Programs of other machines (i386, x32) are left to the kernel, which refuses
// them devices.
std::vector<BpfInstruction> DeviceFilter(DeviceCallSet calls);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_FILTER_H_
