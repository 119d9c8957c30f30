// A thread rather than a child process: it needs no exec, shares our memory,
// and may have a mount namespace and a current directory of its own all the
// same (unshare(2) concerns the calling thread).

#include "builder/snapshot/overlay_mount.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <optional>

#include "builder/snapshot/overlay_links.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/thread.h"

namespace strake::builder::snapshot {
namespace {

// A file system that is being configured (fsopen(2)).
class NewOverlay {
 public:
  static Result<NewOverlay> Open() {
    UniqueFd fd(::fsopen("overlay", FSOPEN_CLOEXEC));
    if (!fd) return ErrnoError("fsopen overlay");
    return NewOverlay(std::move(fd));
  }

  // `key` may be given several times; the kernel keeps the directory.
  Status SetDirectory(const char* key, const std::string& path) const {
    ASSIGN_OR_RETURN(UniqueFd directory,
                     OpenFile(path.c_str(), O_RDONLY | O_DIRECTORY));
    return Configure(FSCONFIG_SET_FD, key, nullptr, directory.get());
  }
  // "name=value" or "name".
  Status SetOption(std::string_view option) const {
    auto parts = SplitOnce(option, '=');
    if (!parts) {
      return Configure(FSCONFIG_SET_FLAG, std::string(option).c_str(), nullptr,
                       0);
    }
    return Configure(FSCONFIG_SET_STRING, std::string(parts->first).c_str(),
                     std::string(parts->second).c_str(), 0);
  }
  Result<UniqueFd> Mount() const {
    RETURN_IF_ERROR(Configure(FSCONFIG_CMD_CREATE, nullptr, nullptr, 0));
    UniqueFd mount(::fsmount(fd_.get(), FSMOUNT_CLOEXEC, 0));
    if (!mount) return ErrnoError("fsmount overlay");
    return mount;
  }

 private:
  explicit NewOverlay(UniqueFd fd) : fd_(std::move(fd)) {}

  Status Configure(unsigned command, const char* key, const char* value,
                   int number) const {
    if (::fsconfig(fd_.get(), command, key, value, number) == 0) return {};
    return ErrnoError(std::string("mount overlay") +
                      (key == nullptr ? "" : std::string(": ") + key));
  }

  UniqueFd fd_;
};

// Nothing where the kernel takes no descriptors as layers.
Result<std::optional<UniqueFd>> MountByDescriptors(
    const OverlayMountSpec& spec) {
  auto overlay = NewOverlay::Open();
  if (!overlay || !overlay->SetDirectory("lowerdir+", spec.lowers[0])) {
    return std::optional<UniqueFd>();
  }
  for (size_t i = 1; i < spec.lowers.size(); ++i) {
    RETURN_IF_ERROR(overlay->SetDirectory("lowerdir+", spec.lowers[i]));
  }
  if (!spec.upper.empty()) {
    RETURN_IF_ERROR(overlay->SetDirectory("upperdir", spec.upper));
    RETURN_IF_ERROR(overlay->SetDirectory("workdir", spec.work));
  }
  if (!spec.options.empty()) {
    for (std::string_view option : Split(spec.options, ',')) {
      RETURN_IF_ERROR(overlay->SetOption(option));
    }
  }
  ASSIGN_OR_RETURN(UniqueFd mount, overlay->Mount());
  return std::optional<UniqueFd>(std::move(mount));
}

// Runs in a thread of its own, which it leaves in another mount namespace.
Result<UniqueFd> MountInOwnNamespace(const OverlayMountSpec& spec) {
  if (::unshare(CLONE_FS | CLONE_NEWNS) != 0) {
    return ErrnoError("unshare the mount namespace");
  }
  // Else the mount would show in namespaces that ours propagates to.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return ErrnoError("make mounts private");
  }
  ASSIGN_OR_RETURN(std::optional<UniqueFd> mount, MountByDescriptors(spec));
  if (mount) return *std::move(mount);
  return MountThroughLinks(spec);
}

}  // namespace

Result<UniqueFd> MountOverlay(const OverlayMountSpec& spec) {
  Result<UniqueFd> mounted = Internal("the mount thread did not run");
  RETURN_IF_ERROR(RunInThread([&] { mounted = MountInOwnNamespace(spec); }));
  return mounted;
}

}  // namespace strake::builder::snapshot
