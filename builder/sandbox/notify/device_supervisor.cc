#include "builder/sandbox/notify/device_supervisor.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "builder/sandbox/notify/caller_place.h"
#include "builder/sandbox/notify/device_calls.h"
#include "builder/sandbox/notify/listener.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::sandbox::notify {
namespace {

// Waits until `fd` can be read; false once the run is over.
bool WaitFor(int fd, int over) {
  pollfd polled[] = {{.fd = fd, .events = POLLIN, .revents = 0},
                     {.fd = over, .events = POLLIN, .revents = 0}};
  while (poll(polled, 2, -1) < 0 && errno == EINTR) {
  }
  return polled[1].revents == 0 && (polled[0].revents & POLLIN) != 0;
}

}  // namespace

DeviceSupervisor::DeviceSupervisor(const ProcessSpec& spec, DeviceCallSet calls,
                                   std::function<void()> on_made)
    : spec_(spec), calls_(calls), on_made_(std::move(on_made)) {}

DeviceSupervisor::~DeviceSupervisor() { Stop(); }

Result<Listening> DeviceSupervisor::Start(const AssembledRoot& root) {
  // What is mounted on /proc is not there yet.
  ASSIGN_OR_RETURN(
      root_, OpenFileAt(root.proc_target.get(), "..", O_PATH | O_DIRECTORY));
  if (calls_ == DeviceCallSet::kAll) {
    if (spec_.journal != nullptr) {
      unreached_ = devices_.Import(root_.get(), *spec_.journal);
    }
    ImportMounts();
  }
  ASSIGN_OR_RETURN(channel_, MakeChannel());
  over_.reset(eventfd(0, EFD_CLOEXEC));
  if (!over_) return ErrnoError("eventfd");
  thread_ = std::thread([this] { AnswerCalls(); });
  Listening listening;
  listening.filter = DeviceFilter(calls_);
  listening.socket = channel_.theirs.get();
  listening.installed = Listening::Installed::kFirst;
  return listening;
}

void DeviceSupervisor::ImportMounts() {
  for (const Mount& mount : spec_.mounts) {
    if (mount.journal == nullptr) continue;
    Result<UniqueFd> top = OpenInRoot(root_.get(), mount.target, O_PATH);
    // One that is covered by another mount cannot be seen.
    if (top) devices_.Import(top->get(), *mount.journal);
  }
}

// One thread: a run that makes devices is rare, and the answers are quick.
void DeviceSupervisor::AnswerCalls() {
  if (!WaitFor(channel_.ours.get(), over_.get())) return;
  char byte = 0;
  UniqueFd fd = ReceivePacket(channel_.ours.get(), &byte, 1).fd;
  if (!fd) return;
  Listener listener(std::move(fd));
  Result<CallerPlace> place = CallerPlace::Take();
  std::optional<DeviceCalls> calls;
  if (place) {
    const auto made = calls_ == DeviceCallSet::kAll ? DeviceCalls::Made::kKept
                                                    : DeviceCalls::Made::kTaken;
    calls.emplace(root_.get(), made, listener, devices_, *place);
  }
  while (WaitFor(listener.fd(), over_.get())) {
    const std::optional<Notification> call = listener.Receive();
    if (!call) continue;
    if (!calls) {
      listener.Continue(*call);
    } else if (calls->Handle(*call)) {
      was_made_ = true;
      on_made_();
      // The caller waits for its end, and whoever else makes one.
      WaitFor(over_.get(), over_.get());
      return;
    }
  }
}

void DeviceSupervisor::Stop() {
  if (!thread_.joinable()) return;
  eventfd_write(over_.get(), 1);
  thread_.join();
}

Status DeviceSupervisor::Finish() {
  Stop();
  const UniqueFd root = std::move(root_);
  if (!root || calls_ == DeviceCallSet::kMaking || spec_.journal == nullptr) {
    return {};
  }
  ASSIGN_OR_RETURN(const UniqueFd directory,
                   OpenFileAt(root.get(), ".", O_RDONLY | O_DIRECTORY));
  Status exported =
      devices_.Export(directory.get(), unreached_, *spec_.journal);
  devices_ = VirtualDevices();
  return exported;
}

}  // namespace strake::builder::sandbox::notify
