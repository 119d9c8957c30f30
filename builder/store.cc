#include "builder/store.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "builder/sandbox/user_namespace.h"
#include "util/result_macros.h"

namespace strake::builder {

Result<Store> Store::Open(const std::string& directory) {
  if (directory.empty()) {
    return InvalidArgument("no store directory is given");
  }
  ASSIGN_OR_RETURN(
      oci::ImageLayout layout,
      oci::ImageLayout::Open(directory, oci::ImageLayout::OpenMode::kCreate));
  for (const char* name : {"cache", "mounts", "tmp"}) {
    std::string path = layout.directory() + "/" + name;
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      return ErrnoError("mkdir " + path);
    }
  }
  return Store(std::move(layout));
}

Result<snapshot::SnapshotterChoice> Store::OpenSnapshots(
    const std::string& name) const {
  sandbox::Privilege privilege = sandbox::EnterUserNamespace().privilege;
  bool real = privilege == sandbox::Privilege::kRoot ||
              privilege == sandbox::Privilege::kMapped;
  return snapshot::OpenSnapshotter(directory() + "/snapshots", name,
                                   real ? snapshot::OwnershipForm::kReal
                                        : snapshot::OwnershipForm::kJournal);
}

}  // namespace strake::builder
