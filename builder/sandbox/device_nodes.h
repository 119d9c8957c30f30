// What every /dev has: the devices and links of Docker's.

#ifndef STRAKE_BUILDER_SANDBOX_DEVICE_NODES_H_
#define STRAKE_BUILDER_SANDBOX_DEVICE_NODES_H_

#include <unistd.h>

#include <string>

#include "util/result.h"

namespace strake::builder::sandbox {

struct DeviceNode {
  const char* name = nullptr;  // below /dev
  unsigned major = 0;
  unsigned minor = 0;
};
// Character devices with mode 0666.
inline constexpr DeviceNode kDeviceNodes[] = {
    {"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
    {"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};

struct DeviceLink {
  const char* name = nullptr;
  const char* target = nullptr;
};
inline constexpr DeviceLink kDeviceLinks[] = {
    {"fd", "/proc/self/fd"},
    {"stdin", "/proc/self/fd/0"},
    {"stdout", "/proc/self/fd/1"},
    {"stderr", "/proc/self/fd/2"},
};
// Only with a /dev/pts.
inline constexpr DeviceLink kPtmxLink = {"ptmx", "pts/ptmx"};

// Makes `link` in `dev`, the open directory /dev.
inline Status MakeDeviceLink(int dev, const DeviceLink& link) {
  if (symlinkat(link.target, dev, link.name) != 0) {
    return ErrnoError("make the symlink /dev/" + std::string(link.name));
  }
  return {};
}

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_DEVICE_NODES_H_
