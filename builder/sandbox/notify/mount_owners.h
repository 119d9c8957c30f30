// Whose the files in a run's mounts are: what `ProcessSpec::journal` is for the
// root, `Mount::journal` is for a mount.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_MOUNT_OWNERS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_MOUNT_OWNERS_H_

#include <vector>

#include "builder/sandbox/notify/virtual_inodes.h"
#include "builder/sandbox/sandbox.h"
#include "util/ownership_journal.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// The journals that a run is to bring up to date, in the order of the mounts.
std::vector<OwnershipJournal*> JournalsToUpdate(const ProcessSpec& spec);

// In the supervisor's process.
class MountOwners {
 public:
  // Tells `inodes` what the journals of `spec` say.
  Status Import(const ProcessSpec& spec, VirtualInodes& inodes);

  // What has become of `JournalsToUpdate`.
  Result<std::vector<OwnershipJournal>> Export(
      const VirtualInodes& inodes) const;

 private:
  struct Tree {
    UniqueFd top;  // O_PATH
    OwnershipJournal unreached;
  };
  std::vector<Tree> to_update_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_MOUNT_OWNERS_H_
