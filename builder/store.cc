#include "builder/store.h"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "builder/sandbox/user_namespace.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

snapshot::OwnershipForm FindOwnership(const sandbox::Sandbox& sandbox) {
  using snapshot::OwnershipForm;
  if (sandbox.emulates_owners()) return OwnershipForm::kVirtual;
  switch (sandbox::EnterUserNamespace().privilege) {
    case sandbox::Privilege::kRoot:
      // Only root over the machine can make whatever a layer may hold: in a
      // user namespace, however many ids it has, device nodes go to the
      // journal.
      return OwnershipForm::kReal;
    case sandbox::Privilege::kMapped:
    case sandbox::Privilege::kSingleId:
      return OwnershipForm::kJournal;
    case sandbox::Privilege::kNone:
      break;
  }
  // A step sees the disk's owners as they are, or there are no steps.
  return sandbox.name() == "none" ? OwnershipForm::kVirtual
                                  : OwnershipForm::kJournal;
}

}  // namespace

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
    const std::string& name, const sandbox::Sandbox& sandbox) const {
  bool plain = name == "auto" && sandbox.needs_path();
  return snapshot::OpenSnapshotter(directory() + "/snapshots",
                                   plain ? std::string("plain") : name,
                                   FindOwnership(sandbox));
}

}  // namespace strake::builder
