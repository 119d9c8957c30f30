#include "builder/sandbox/notify/mapped_sandbox.h"

#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "builder/sandbox/namespace_sandbox.h"
#include "builder/sandbox/notify/device_supervisor.h"
#include "util/result_macros.h"

namespace strake::builder::sandbox {
namespace {

// Each step's own is mounted there.
bool IsCovered(std::string_view path) {
  return path.starts_with("dev/") || path.starts_with("proc/") ||
         path.starts_with("sys/");
}

bool HasDevices(const OwnershipJournal* journal) {
  if (journal == nullptr) return false;
  for (const auto& [path, metadata] : journal->entries()) {
    if (notify::IsDevice(metadata.mode) && !IsCovered(path)) return true;
  }
  return false;
}

bool BeginsWithDevices(const ProcessSpec& spec) {
  if (HasDevices(spec.journal)) return true;
  for (const Mount& mount : spec.mounts) {
    if (HasDevices(mount.journal)) return true;
  }
  return false;
}

}  // namespace

Result<ExitStatus> MappedSandbox::Run(const ProcessSpec& spec,
                                      const OutputCallback& on_output,
                                      std::stop_token stop) {
  const bool all =
      spec.devices == ProcessSpec::Devices::kAll || BeginsWithDevices(spec);
  if (!all && spec.made_device == nullptr) {
    return RunInNamespaces(spec, on_output, stop);
  }
  std::stop_source either;
  const std::stop_callback pass_on(stop, [&] { either.request_stop(); });
  notify::DeviceSupervisor supervisor(
      spec, all ? notify::DeviceCallSet::kAll : notify::DeviceCallSet::kMaking,
      [&] { either.request_stop(); });
  Result<ExitStatus> ended =
      RunInNamespaces(spec, on_output, either.get_token(), &supervisor);
  Status known = supervisor.Finish();
  if (supervisor.was_made()) {
    *spec.made_device = true;
    return Cancelled("\"" + spec.argv.front() +
                     "\" has made a device and is to begin anew");
  }
  if (!ended) return ended;
  RETURN_IF_ERROR(known);
  return ended;
}

}  // namespace strake::builder::sandbox
