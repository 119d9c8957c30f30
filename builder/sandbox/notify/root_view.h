// Everything that a run's file system consists of, prepared in the builder's
// process and put back afterwards.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_ROOT_VIEW_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_ROOT_VIEW_H_

#include <sys/stat.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/sandbox/mount_stubs.h"
#include "builder/sandbox/notify/mount_table.h"
#include "builder/sandbox/sandbox.h"
#include "builder/sandbox/scratch_directory.h"
#include "util/ownership_journal.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

// The root, /proc, /sys, a /dev of its own, /etc/hosts and resolv.conf, the
// mounts of a `ProcessSpec`. Not thread-safe.
class RootView {
 public:
  // `scratch`: where a directory is made for what is not to be in the root;
  // empty: in the system's directory for such.
  explicit RootView(std::string scratch) : scratch_(std::move(scratch)) {}
  RootView(const RootView&) = delete;
  RootView& operator=(const RootView&) = delete;
  ~RootView() { (void)Restore(); }

  Status Prepare(const ProcessSpec& spec);

  // The root first. REQUIRES: `Prepare` succeeded; once.
  std::vector<VirtualMount> TakeMounts() { return std::move(mounts_); }
  // What is the run's own, and not in the root. REQUIRES: `Prepare` succeeded.
  const std::string& directory() const { return directory_->path(); }
  // What files outside of the root are meant to be.
  const std::vector<std::pair<InodeKey, VirtualMetadata>>& meant() const {
    return meant_;
  }

  // Gives mount points their modes back, removes what was made. To be called
  // once no process of the run is left.
  Status Restore();

 private:
  struct Covered {
    UniqueFd fd;  // O_PATH
    mode_t mode = 0;
    bool done = false;
  };

  Status AddRoot(const std::string& path);
  Status AddHostDirectory(const char* path, VirtualMount::Kind kind);
  Status AddDevices();
  Status AddDevice(const std::string& name);
  Status AddMount(const Mount& mount);
  Result<UniqueFd> OpenSource(const Mount& mount);
  Result<UniqueFd> MakeFile(const Mount& mount);
  Result<std::string> MakeDirectory(const std::string& name, mode_t mode);
  Status CoverMountPoints();
  // The place `inside` of the mount `below` that `mount` is to cover.
  Result<UniqueFd> OpenPoint(const VirtualMount& below,
                             const std::string& inside,
                             const VirtualMount& mount);
  // Puts `mount` (all but `point`, `top` and `covered` set) at `target`.
  Status Attach(const std::string& target, VirtualMount mount);

  const std::string scratch_;
  std::optional<ScratchDirectory> directory_;
  MountStubs stubs_;
  std::vector<VirtualMount> mounts_;
  std::vector<std::pair<InodeKey, VirtualMetadata>> meant_;
  std::vector<Covered> covered_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_ROOT_VIEW_H_
