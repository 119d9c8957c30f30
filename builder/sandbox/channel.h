// Sockets between the processes of a run: whole packets, and descriptors with
// them.

#ifndef STRAKE_BUILDER_SANDBOX_CHANNEL_H_
#define STRAKE_BUILDER_SANDBOX_CHANNEL_H_

#include <sys/types.h>

#include <cstddef>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

// Both ends of a SOCK_SEQPACKET socket pair.
struct Channel {
  UniqueFd ours;
  UniqueFd theirs;
};
Result<Channel> MakeChannel();

// Sends `size` bytes as one packet, and with them the descriptor `fd` unless
// that is -1. False with errno where that fails; nobody gets a signal.
// For the child of a fork (`child.h`): makes system calls only.
bool SendPacket(int socket, const void* data, size_t size, int fd = -1);

struct Packet {
  ssize_t size = -1;  // 0: nobody is left to send any; -1: failed, see errno
  UniqueFd fd;
  pid_t sender = 0;  // where SO_PASSCRED is set
};
// The next packet's first `size` bytes.
Packet ReceivePacket(int socket, void* data, size_t size);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_CHANNEL_H_
