// The process that answers the system calls of a run.
//
// Forked from the builder: a process of its own, so that it can drop
// capabilities, have its own umask and descriptors, adopt orphans, and be
// killed. The builder may have many threads, of which the fork has one: here
// only our own code runs, and malloc(3), which glibc makes good after a fork.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_H_

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/mount_table.h"
#include "builder/sandbox/notify/transport.h"
#include "builder/sandbox/sandbox.h"
#include "util/ownership_journal.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

struct SupervisorPlan {
  const ProcessSpec* spec = nullptr;    // borrowed
  std::vector<std::string> candidates;  // paths to execute, the first that is
  std::vector<VirtualMount> mounts;
  CallTransport transport = CallTransport::kListener;
  std::vector<std::pair<InodeKey, VirtualMetadata>> meant;
  std::string folder;  // for what cannot be kept in memory
  // Borrowed descriptors.
  int channel = -1;  // takes `ChildReport` packets; SOCK_SEQPACKET
  int alive = -1;    // held open while any process of the run is left
  int results = -1;  // a file; see `TakeResults`
  int stdio[3] = {-1, -1, -1};
};

// Reads what `WriteResults` wrote to `results`: brings the journals of `spec`
// and of its mounts up to date, and says what was touched.
Status TakeResults(int results, const ProcessSpec& spec);

// Reports as `ChildReport` says (kFailed, kExited), writes the results, exits
// with 0 if they are whole.
// REQUIRES: called in a new process with one thread.
[[noreturn]] void RunSupervisor(SupervisorPlan& plan);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_SUPERVISOR_H_
