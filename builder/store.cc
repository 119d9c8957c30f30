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
  // Only root over the machine can make whatever a layer may hold: in a user
  // namespace, however many ids it has, device nodes go to the journal.
  bool is_root =
      sandbox::EnterUserNamespace().privilege == sandbox::Privilege::kRoot;
  return snapshot::OpenSnapshotter(directory() + "/snapshots", name,
                                   is_root ? snapshot::OwnershipForm::kReal
                                           : snapshot::OwnershipForm::kJournal);
}

}  // namespace strake::builder
