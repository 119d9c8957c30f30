// Sockets that have a path (AF_UNIX). The kernel resolves it for the caller, so
// the caller gets one that leads through a descriptor of ours.

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "builder/sandbox/notify/filter.h"
#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/new_file.h"
#include "builder/sandbox/notify/rewrite.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

// The path in the address at argument `address`, whose length follows; nothing
// where it has none (another family, an abstract name), or cannot be read,
// which is for the kernel to say.
std::optional<std::string> SocketPath(Request& request, int address) {
  sockaddr_un name = {};
  const size_t length =
      std::min<size_t>(request.Uint(address + 1), sizeof(name));
  if (length <= kPathOffset ||
      request.Read(request.argument(address), &name, length) != 0 ||
      name.sun_family != AF_UNIX || name.sun_path[0] == '\0') {
    return std::nullopt;
  }
  return std::string(name.sun_path,
                     strnlen(name.sun_path, length - kPathOffset));
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

Answer HandleBind(Request& request) {
  const std::optional<std::string> path = SocketPath(request, 1);
  if (!path) return Answer::Continue();
  Emulation& emulation = request.emulation();
  ParentPlace place;
  if (int failed = emulation.paths.FindParent(request.viewer(), AT_FDCWD, *path,
                                              place)) {
    return failed;
  }
  struct stat file {};
  if (fstatat(place.directory.get(), place.name.c_str(), &file,
              AT_SYMLINK_NOFOLLOW) == 0) {
    return -EADDRINUSE;
  }
  if (int failed = request.MayChange(place, Request::Expect::kAbsent)) {
    return failed;
  }
  RewrittenCall call;
  call.number = SYS_bind;
  if (emulation.has_native_paths()) {
    call.arguments = {{0, uint64_t{kPassBind} << 32 | request.Uint(0)}};
  } else {
    call.data = AddressFor(PathForTracee(place.directory.get(), place.name));
    if (call.data.empty()) return -ENAMETOOLONG;
    call.arguments = {{1, RewrittenCall::kSlot}, {2, call.data.size()}};
  }
  const mode_t mode = S_IFSOCK | (0777 & ~request.umask());
  const std::lock_guard lock(emulation.changes);
  int64_t result = 0;
  if (CallInTracee(request, call, result) != 0 || result != 0) {
    return Answer::Given();
  }
  if (place.in_tree() && fstatat(place.directory.get(), place.name.c_str(),
                                 &file, AT_SYMLINK_NOFOLLOW) == 0) {
    RecordNewFile(request, place.directory.get(), file, mode);
    emulation.Touch(place.directory.get(), place.name);
  }
  struct stat socket {};
  if (stat(HostPath::Descriptor(request.thread(), request.Int(0)).c_str(),
           &socket) == 0) {
    emulation.RememberSocket(socket.st_ino, *path);
  }
  return Answer::Given();
}

// The call names the socket of somebody else: that, by a descriptor.
Answer CallWithAddress(Request& request, int address) {
  const std::optional<std::string> path = SocketPath(request, address);
  if (!path) return Answer::Continue();
  Emulation& emulation = request.emulation();
  if (request.IsKernelsAlone()) return Answer::Continue();
  Place place;
  if (int failed = emulation.paths.Find(request.viewer(), AT_FDCWD, *path,
                                        Follow::kYes, place)) {
    return failed;
  }
  if (!request.May(place, 2)) return -EACCES;
  if (emulation.has_native_paths()) return Answer::Continue();
  const std::string there = AddressFor(PathForTracee(place.fd.get()));
  // It may block until there is room in the other's queue.
  SendToCall(request, {.number = request.number(),
                       .arguments = {{address, RewrittenCall::kSlot},
                                     {address + 1, there.size()}},
                       .data = there});
  emulation.KeepForAWhile(std::move(place.fd));
  return Answer::Given();
}

Answer HandleConnect(Request& request) { return CallWithAddress(request, 1); }
Answer HandleSendto(Request& request) { return CallWithAddress(request, 4); }

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

constexpr HandledCall kCalls[] = {
    {SYS_bind, HandleBind},
    {SYS_connect, HandleConnect},
    {SYS_sendto, HandleSendto},
    {SYS_getsockname, HandleGetsockname},
};

}  // namespace

std::span<const HandledCall> SocketCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
