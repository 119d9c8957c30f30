// What the supervisors of notify and userns-emu have in common.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_PARTS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_PARTS_H_

#include <string_view>
#include <vector>

#include "builder/sandbox/notify/credentials.h"
#include "builder/sandbox/notify/emulation.h"
#include "builder/sandbox/notify/listener.h"
#include "builder/sandbox/notify/mount_owners.h"
#include "builder/sandbox/sandbox.h"

namespace strake::builder::sandbox::notify {

// Closes all descriptors but the standard ones and these, and leaves none of
// them for a program to inherit.
void KeepOnly(std::vector<int> keep);

// No signal is blocked, caught or ignored.
void ResetSignals();

// Lets this process have as many descriptors as it may; what it has started
// keeps the limit it has.
void TakeAllDescriptors();

// Who the first process of a run is.
Credentials FirstCredentials(const ProcessSpec& spec);

// Threads that answer calls until the process ends; `listener` is the transport
// of `emulation`.
void StartWorkers(Listener& listener, Emulation& emulation);

// Writes what `TakeResults` reads to `file`; false where that fails. It then
// reads why: this character and a message.
inline constexpr std::string_view kNoResults = "!";
//   root  the directory that the journal's paths are relative to
bool WriteResults(Emulation& emulation, const ProcessSpec& spec, int root,
                  const MountOwners& mounts, int file);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_PARTS_H_
