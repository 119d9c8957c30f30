// The part of this process in a run whose devices are emulated: a thread that
// answers the calls of `DeviceFilter`.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_SUPERVISOR_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_SUPERVISOR_H_

#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/namespace_sandbox.h"
#include "builder/sandbox/notify/device_filter.h"
#include "builder/sandbox/notify/virtual_devices.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

class DeviceSupervisor final : public CallAnswerer {
 public:
  //   spec     the run's; borrowed
  //   calls    kMaking: a process that makes a device waits from then on, and
  //            `on_made` is called, once, from another thread
  DeviceSupervisor(const ProcessSpec& spec, DeviceCallSet calls,
                   std::function<void()> on_made);
  // Ends as `Finish` does.
  ~DeviceSupervisor() override;

  Result<Listening> Start(const AssembledRoot& root) override;

  // Once no process of the run is left: what `spec.journal` says of devices is
  // brought up to date. May be called without `Start`.
  Status Finish();

  bool was_made() const { return was_made_; }

 private:
  void ImportMounts();
  void AnswerCalls();
  void Stop();

  const ProcessSpec& spec_;
  const DeviceCallSet calls_;
  const std::function<void()> on_made_;
  VirtualDevices devices_;
  std::vector<std::string> unreached_;
  UniqueFd root_;
  Channel channel_;  // the listener comes from theirs to ours
  UniqueFd over_;    // an eventfd
  bool was_made_ = false;
  std::thread thread_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_DEVICE_SUPERVISOR_H_
