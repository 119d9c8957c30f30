// Sockets that have a path (AF_UNIX). The kernel resolves it for the caller, so
// the caller gets one that leads through a descriptor of ours.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/filter.h"
#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/new_file.h"
#include "builder/sandbox/notify/rewrite.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

// The path in the address of `size` bytes at `at`; nothing where it has none
// (another family, an abstract name), or cannot be read, which is for the
// kernel to say.
std::optional<std::string> SocketPathAt(Request& request, uint64_t at,
                                        uint32_t size) {
  sockaddr_un name = {};
  const size_t length = std::min<size_t>(size, sizeof(name));
  if (at == 0 || length <= kPathOffset ||
      request.Read(at, &name, length) != 0 || name.sun_family != AF_UNIX ||
      name.sun_path[0] == '\0') {
    return std::nullopt;
  }
  return std::string(name.sun_path,
                     strnlen(name.sun_path, length - kPathOffset));
}

// Likewise at argument `address`, whose length follows.
std::optional<std::string> SocketPath(Request& request, int address) {
  return SocketPathAt(request, request.argument(address),
                      request.Uint(address + 1));
}

// An address whose path is `path` (with its NUL); empty: too long.
std::string AddressFor(const std::string& path) {
  sockaddr_un name = {};
  if (path.size() > sizeof(name.sun_path)) return {};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  return std::string(reinterpret_cast<const char*>(&name),
                     kPathOffset + path.size());
}

// A descriptor of `directory` with a number that was not used lately: the
// kernel tells others the path that a socket was bound with, by which we know
// it.
UniqueFd WithNewNumber(int directory) {
  constexpr int kLowest = 512;
  constexpr unsigned kMost = 16384;
  static std::atomic<unsigned> next{0};
  struct rlimit limit {};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto room = static_cast<unsigned>(
      std::clamp<rlim_t>(limit.rlim_cur, kLowest + 1, kLowest + kMost) -
      kLowest);
  const int lowest = kLowest + static_cast<int>(next.fetch_add(1) % room);
  UniqueFd fd(fcntl(directory, F_DUPFD_CLOEXEC, lowest));
  if (!fd) fd.reset(fcntl(directory, F_DUPFD_CLOEXEC, 3));
  return fd;
}

class Binder {
 public:
  Binder(Request& request, const std::string& path)
      : request_(request), emulation_(request.emulation()), path_(path) {}

  Answer Run() {
    if (int failed = emulation_.paths.FindParent(request_.viewer(), AT_FDCWD,
                                                 path_, place_)) {
      return failed;
    }
    struct stat file {};
    if (StatChild(place_, file) == 0) return -EADDRINUSE;
    if (int failed = request_.MayChange(place_, Request::Expect::kAbsent)) {
      return failed;
    }
    RewrittenCall call;
    call.number = SYS_bind;
    if (int failed = Arrange(call)) return failed;
    const std::lock_guard lock(emulation_.changes);
    int64_t result = 0;
    CallInTracee(request_, call, result,
                 [&](int64_t& bound) { bound = Finish(bound); });
    return Answer::Given();
  }

 private:
  int Arrange(RewrittenCall& call) {
    if (emulation_.has_native_paths()) {
      call.arguments = {{0, uint64_t{kPassBind} << 32 | request_.Uint(0)}};
      return 0;
    }
    through_ = WithNewNumber(place_.directory.get());
    if (!through_) return -errno;
    call.data = AddressFor(PathForTracee(through_.get(), place_.name));
    if (call.data.empty()) {
      // Too long with our prefix, though not without: it gets its name later.
      interim_ = ".strake-" + std::to_string(through_.get());
      call.data = AddressFor(PathForTracee(through_.get(), interim_));
    }
    call.arguments = {{1, RewrittenCall::kSlot}, {2, call.data.size()}};
    address_ = PathForTracee(through_.get(),
                             interim_.empty() ? place_.name : interim_);
    address_.pop_back();
    return 0;
  }

  // The socket is bound, and the caller waits. The call's result.
  int64_t Finish(int64_t bound) {
    if (bound != 0) return bound;
    const int directory = place_.directory.get();
    if (!interim_.empty() &&
        renameat2(directory, interim_.c_str(), directory, place_.name.c_str(),
                  RENAME_NOREPLACE) != 0) {
      const int failed = errno == EEXIST ? EADDRINUSE : errno;
      unlinkat(directory, interim_.c_str(), 0);
      return -failed;
    }
    struct stat file {};
    if (place_.in_tree() && StatChild(place_, file) == 0) {
      const mode_t mode = S_IFSOCK | (0777 & ~request_.umask());
      RecordNewFile(request_, directory, file, mode);
      emulation_.Touch(directory, place_.name);
    }
    struct stat socket {};
    if (stat(HostPath::Descriptor(request_.thread(), request_.Int(0)).c_str(),
             &socket) == 0) {
      emulation_.RememberSocket(socket.st_ino, path_);
    }
    if (!address_.empty()) emulation_.RememberAddress(address_, path_);
    return 0;
  }

  Request& request_;
  Emulation& emulation_;
  const std::string& path_;
  ParentPlace place_;
  UniqueFd through_;
  std::string interim_;
  std::string address_;  // as the kernel has it
};

Answer HandleBind(Request& request) {
  const std::optional<std::string> path = SocketPath(request, 1);
  if (!path) return Answer::Continue();
  return Binder(request, *path).Run();
}

// The socket of somebody else, that a call names.
struct Peer {
  std::string address;  // that leads to it; empty: as the caller has it
  uint64_t slot = 0;    // of the arena, where the address stays
};

int FindPeer(Request& request, std::string path, Peer& peer) {
  Emulation& emulation = request.emulation();
  if (request.IsKernelsAlone()) return 0;
  // The caller may have been told the kernel's name for it.
  if (std::string given = emulation.SocketNamed(path); !given.empty()) {
    path = std::move(given);
  }
  Place place;
  if (int failed = emulation.paths.Find(request.viewer(), AT_FDCWD, path,
                                        Follow::kYes, place)) {
    return failed;
  }
  if (!request.May(place, 2)) return -EACCES;
  if (emulation.has_native_paths()) return 0;
  peer.address = AddressFor(PathForTracee(place.fd.get()));
  peer.slot = emulation.held_files.Hold(request.thread(), std::move(place.fd));
  return 0;
}

// `call` may block until there is room in the other's queue.
Answer SendToPeer(Request& request, RewrittenCall call, const Peer& peer) {
  call.held_slot = peer.slot;
  SendToCall(request, call);
  return Answer::Given();
}

Answer CallWithAddress(Request& request, int address) {
  std::optional<std::string> path = SocketPath(request, address);
  if (!path) return Answer::Continue();
  Peer peer;
  if (int failed = FindPeer(request, *std::move(path), peer)) return failed;
  if (peer.address.empty()) return Answer::Continue();
  RewrittenCall call;
  call.number = request.number();
  call.arguments = {{address, RewrittenCall::kSlot},
                    {address + 1, peer.address.size()}};
  call.data = peer.address;
  return SendToPeer(request, std::move(call), peer);
}

Answer HandleConnect(Request& request) { return CallWithAddress(request, 1); }
Answer HandleSendto(Request& request) { return CallWithAddress(request, 4); }

uint64_t AddressOf(const void* theirs) {
  return reinterpret_cast<uint64_t>(theirs);
}

// Sends a message with another header, behind which is the address.
//   count  how many, for sendmmsg(2); 0: the call has no such argument
Answer SendRewritten(Request& request, const void* header, size_t size,
                     uint64_t count, const Peer& peer) {
  RewrittenCall call;
  call.number = request.number();
  call.arguments = {{1, RewrittenCall::kSlot}};
  if (count > 0) call.arguments.push_back({2, count});
  call.data.assign(static_cast<const char*>(header), size);
  call.data += peer.address;
  static_assert(offsetof(msghdr, msg_name) == 0);
  call.pointer = {.at = 0, .to = size};
  return SendToPeer(request, std::move(call), peer);
}

Answer HandleSendmsg(Request& request) {
  msghdr message = {};
  if (request.Read(request.argument(1), &message, sizeof(message)) != 0) {
    return Answer::Continue();
  }
  std::optional<std::string> path =
      SocketPathAt(request, AddressOf(message.msg_name), message.msg_namelen);
  if (!path) return Answer::Continue();
  Peer peer;
  if (int failed = FindPeer(request, *std::move(path), peer)) return failed;
  if (peer.address.empty()) return Answer::Continue();
  message.msg_namelen = static_cast<socklen_t>(peer.address.size());
  return SendRewritten(request, &message, sizeof(message), 0, peer);
}

// How many bytes `message` has; a datagram is sent whole or not at all.
uint32_t SizeOf(Request& request, const msghdr& message) {
  std::vector<iovec> parts(std::min<size_t>(message.msg_iovlen, IOV_MAX));
  if (request.Read(AddressOf(message.msg_iov), parts.data(),
                   parts.size() * sizeof(iovec)) != 0) {
    return 0;
  }
  size_t size = 0;
  for (const iovec& part : parts) size += part.iov_len;
  return static_cast<uint32_t>(size);
}

// One message at a time where they have paths; the caller sends the rest.
Answer HandleSendmmsg(Request& request) {
  const uint64_t first = request.argument(1);
  const uint32_t count = std::min<uint32_t>(request.Uint(2), IOV_MAX);
  for (uint32_t i = 0; i < count; ++i) {
    mmsghdr message = {};
    const uint64_t at = first + i * sizeof(message);
    if (request.Read(at, &message, sizeof(message)) != 0) break;
    std::optional<std::string> path =
        SocketPathAt(request, AddressOf(message.msg_hdr.msg_name),
                     message.msg_hdr.msg_namelen);
    if (!path) continue;
    // Those before have none: the kernel is to send these, and is asked again.
    if (i > 0) {
      RewrittenCall call;
      call.number = request.number();
      call.arguments = {{2, i}};
      SendToCall(request, call);
      return Answer::Given();
    }
    Peer peer;
    if (int failed = FindPeer(request, *std::move(path), peer)) return failed;
    if (peer.address.empty()) break;
    message.msg_len = SizeOf(request, message.msg_hdr);
    if (int failed = request.Write(at + offsetof(mmsghdr, msg_len),
                                   &message.msg_len, sizeof(message.msg_len))) {
      return failed;
    }
    message.msg_hdr.msg_namelen = static_cast<socklen_t>(peer.address.size());
    return SendRewritten(request, &message, sizeof(message), 1, peer);
  }
  return Answer::Continue();
}

// A socket that was bound to a path tells the path as it was given.
Answer HandleGetsockname(Request& request) {
  struct stat socket {};
  if (stat(HostPath::Descriptor(request.thread(), request.Int(0)).c_str(),
           &socket) != 0 ||
      !S_ISSOCK(socket.st_mode)) {
    return Answer::Continue();
  }
  const std::string path = request.emulation().SocketName(socket.st_ino);
  if (path.empty()) return Answer::Continue();
  const std::string address = AddressFor(path + '\0');
  uint32_t room = 0;
  if (int failed = request.Read(request.argument(2), &room, sizeof(room))) {
    return failed;
  }
  if (int failed = request.Write(request.argument(1), address.data(),
                                 std::min<size_t>(room, address.size()))) {
    return failed;
  }
  const auto length = static_cast<uint32_t>(address.size());
  return request.Write(request.argument(2), &length, sizeof(length));
}

// The path that the other's socket was bound to, as it was given.
Answer HandleGetpeername(Request& request) {
  Emulation& emulation = request.emulation();
  uint32_t room = 0;
  if (!emulation.has_socket_names() ||
      request.Read(request.argument(2), &room, sizeof(room)) != 0) {
    return Answer::Continue();
  }
  int64_t result = 0;
  CallInTracee(
      request,
      {.number = SYS_getpeername, .arguments = {{5, kPass}}, .data = {}},
      result, [&](int64_t& got) {
        uint32_t length = 0;
        if (got != 0 ||
            request.Read(request.argument(2), &length, sizeof(length)) != 0) {
          return;
        }
        const auto known =
            SocketPathAt(request, request.argument(1), std::min(room, length));
        if (!known) return;
        const std::string given = emulation.SocketNamed(*known);
        if (given.empty()) return;
        const std::string address = AddressFor(given + '\0');
        length = static_cast<uint32_t>(address.size());
        request.Write(request.argument(1), address.data(),
                      std::min(room, length));
        request.Write(request.argument(2), &length, sizeof(length));
      });
  return Answer::Given();
}

// Who the other is: the kernel knows by which ids the step really runs. A
// process that has ended, or that is none of ours, is said to be root.
void CorrectPeer(Request& request, ucred& peer) {
  Emulation& emulation = request.emulation();
  const auto label = emulation.transport->LabelOf(peer.pid);
  if (label) {
    const Credentials& who = emulation.credentials.Get(label->credentials);
    peer.uid = who.euid;
    peer.gid = who.egid;
  } else {
    if (peer.uid == getuid()) peer.uid = 0;
    if (peer.gid == getgid()) peer.gid = 0;
  }
}

// The filter sends only those for SO_PEERCRED.
Answer HandleGetsockopt(Request& request) {
  // The process ids are those of the caller's namespace, which are not ours.
  if (request.emulation().has_native_paths()) return Answer::Continue();
  int64_t result = 0;
  CallInTracee(
      request,
      {.number = SYS_getsockopt, .arguments = {{5, kPass}}, .data = {}}, result,
      [&](int64_t& got) {
        uint32_t length = 0;
        ucred peer = {};
        if (got != 0 ||
            request.Read(request.argument(4), &length, sizeof(length)) != 0 ||
            length != sizeof(peer) ||
            request.Read(request.argument(3), &peer, sizeof(peer)) != 0 ||
            peer.pid == 0) {
          return;
        }
        CorrectPeer(request, peer);
        request.Write(request.argument(3), &peer, sizeof(peer));
      });
  return Answer::Given();
}

constexpr HandledCall kCalls[] = {
    {SYS_bind, HandleBind},
    {SYS_connect, HandleConnect},
    {SYS_sendto, HandleSendto},
    {SYS_sendmsg, HandleSendmsg},
    {SYS_sendmmsg, HandleSendmmsg},
    {SYS_getsockname, HandleGetsockname},
    {SYS_getpeername, HandleGetpeername, true},
    {SYS_getsockopt, HandleGetsockopt, true},
};

}  // namespace

std::span<const HandledCall> SocketCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
