// What the supervisor and the resident loader agree on. For both sides: only
// freestanding headers.
//
// The kernel executes the loader in place of every program of the root. It
// asks (prctl with `kLoaderRequest`) what to load, and stays mapped: its arena
// is memory at a known address in every supervised process, where the
// supervisor puts paths for the system calls that it rewrites.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_PROTOCOL_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_PROTOCOL_H_

#include <stddef.h>
#include <stdint.h>

namespace strake::builder::sandbox::notify {

// The first argument of prctl(2); the second is the address of a `LoadOrder`
// for the supervisor to fill.
inline constexpr uint32_t kLoaderRequest = 0x53545242;

// Far from where programs without position-independent code, the heap, the
// stack and mmap(2) live. The loader is linked to the first; it maps the arena.
inline constexpr uint64_t kLoaderAddress = 0x200000000000;
// Below the loader: the heap (brk) grows upwards from its end.
inline constexpr uint64_t kArenaAddress = 0x1ffffff00000;
inline constexpr uint64_t kArenaSize = 0x10000;

// The arena: the loader's own path first (execve(2) is always rewritten to
// that), then slots.
inline constexpr uint64_t kSlotSize = 256;
inline constexpr uint64_t kSlotCount = kArenaSize / kSlotSize - 1;
// The last of them are for calls that may block.
inline constexpr uint64_t kHeldSlotCount = 128;

struct LoadOrder {
  char loader_path[64];
  int32_t executable;   // descriptors to map and close
  int32_t interpreter;  // -1: none
  uint32_t uid;
  uint32_t euid;
  uint32_t gid;
  uint32_t egid;
  uint32_t secure;
  // For a script: how many strings of `text`, after the first, come instead of
  // argv[0]. 0: argv stays.
  uint32_t script_arguments;
  char short_name[16];
  // What execve(2) was told, then `script_arguments` strings; each with NUL.
  char text[8192];
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_LOADER_PROTOCOL_H_
