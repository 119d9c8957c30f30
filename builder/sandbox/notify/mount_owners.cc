#include "builder/sandbox/notify/mount_owners.h"

#include <fcntl.h>

#include <utility>

#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::sandbox::notify {
namespace {

bool IsUpdated(const Mount& mount) {
  return mount.journal != nullptr && !mount.read_only;
}

Result<UniqueFd> OpenSource(const Mount& mount) {
  ASSIGN_OR_RETURN(UniqueFd top, OpenFile(mount.source_path.c_str(), O_PATH));
  if (mount.source_subpath.empty()) return top;
  return OpenInRoot(top.get(), mount.source_subpath, O_PATH);
}

}  // namespace

std::vector<OwnershipJournal*> JournalsToUpdate(const ProcessSpec& spec) {
  std::vector<OwnershipJournal*> journals;
  for (const Mount& mount : spec.mounts) {
    if (IsUpdated(mount)) journals.push_back(mount.journal);
  }
  return journals;
}

Status MountOwners::Import(const ProcessSpec& spec, VirtualInodes& inodes) {
  for (const Mount& mount : spec.mounts) {
    if (mount.journal == nullptr) continue;
    Tree tree;
    ASSIGN_OR_RETURN(tree.top, OpenSource(mount));
    tree.unreached = inodes.ImportTree(tree.top.get(), *mount.journal);
    if (IsUpdated(mount)) to_update_.push_back(std::move(tree));
  }
  return {};
}

Result<std::vector<OwnershipJournal>> MountOwners::Export(
    const VirtualInodes& inodes) const {
  std::vector<OwnershipJournal> journals;
  for (const Tree& tree : to_update_) {
    ASSIGN_OR_RETURN(OwnershipJournal journal,
                     inodes.ExportTree(tree.top.get(), tree.unreached));
    journals.push_back(std::move(journal));
  }
  return journals;
}

}  // namespace strake::builder::sandbox::notify
