#include "builder/sandbox/notify/listener.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace strake::builder::sandbox::notify {
namespace {

// Newer than Debian 12's kernel headers.
constexpr unsigned kWaitKillableReceive = 1U << 5;  // Linux 5.19
constexpr unsigned kAddDescriptorAndSend = 1U << 1;
constexpr unsigned long kSetFlags = _IOW('!', 4, uint64_t);  // Linux 6.6
constexpr uint64_t kSyncWakeUp = 1;

int AddFd(int listener, uint64_t id, int fd, bool close_on_exec,
          unsigned flags) {
  seccomp_notif_addfd request = {};
  request.id = id;
  request.flags = flags;
  request.srcfd = static_cast<uint32_t>(fd);
  request.newfd_flags = close_on_exec ? O_CLOEXEC : 0;
  int made = 0;
  do {
    made = ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request);
  } while (made < 0 && errno == EINTR);
  return made < 0 ? -errno : made;
}

// Whether nobody is left who could make a call.
bool IsOver(int listener) {
  pollfd polled = {.fd = listener, .events = POLLIN, .revents = 0};
  return poll(&polled, 1, 0) > 0 && (polled.revents & POLLHUP) != 0;
}

}  // namespace

int InstallListener(std::span<const BpfInstruction> filter) {
  return InstallFilter(filter,
                       SECCOMP_FILTER_FLAG_NEW_LISTENER | kWaitKillableReceive);
}

Listener::Listener(UniqueFd fd) : fd_(std::move(fd)) {
  // Saves a scheduler round where both sides share a processor; older kernels
  // refuse, and do without.
  ioctl(fd_.get(), kSetFlags, kSyncWakeUp);
}

std::optional<Notification> Listener::Receive() const {
  seccomp_notif got = {};
  while (true) {
    std::memset(&got, 0, sizeof(got));
    if (ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_RECV, &got) == 0) break;
    if (errno == EINTR) continue;
    // ENOENT: the caller was killed between its call and ours; or, at once and
    // for ever, they all have ended.
    if (errno != ENOENT || IsOver(fd_.get())) return std::nullopt;
  }
  Notification call;
  call.id = got.id;
  call.thread = static_cast<pid_t>(got.pid);
  call.number = got.data.nr;
  for (int i = 0; i < 6; ++i) call.arguments[i] = got.data.args[i];
  return call;
}

int Listener::Send(const Notification& call, int64_t answer) {
  seccomp_notif_resp response = {};
  response.id = call.id;
  if (answer < 0 && answer > -4096) {
    response.error = static_cast<int32_t>(answer);
  } else {
    response.val = answer;
  }
  return ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) == 0 ? 0
                                                                    : -errno;
}

int Listener::Continue(const Notification& call) {
  seccomp_notif_resp response = {};
  response.id = call.id;
  response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  return ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) == 0 ? 0
                                                                    : -errno;
}

int Listener::SendDescriptor(const Notification& call, UniqueFd fd,
                             bool close_on_exec, Close close) {
  if (close == Close::kSoon) {
    return AddFd(fd_.get(), call.id, fd.get(), close_on_exec,
                 kAddDescriptorAndSend);
  }
  const int made = AddFd(fd_.get(), call.id, fd.get(), close_on_exec, 0);
  if (made < 0) return made;
  fd.reset();
  const int failed = Send(call, made);
  // The caller was killed.
  return failed != 0 ? failed : made;
}

int Listener::AddDescriptor(const Notification& call, int fd) {
  return AddFd(fd_.get(), call.id, fd, true, 0);
}

std::optional<Label> Listener::LabelOf(pid_t thread) {
  return ReadLabel(thread);
}

void Listener::SetLabel(pid_t thread, const Label& label) {
  WriteLabel(thread, label);
}

bool Listener::IsValid(uint64_t id) const {
  return ioctl(fd_.get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

}  // namespace strake::builder::sandbox::notify
