#include "builder/snapshot/journal_refresh.h"

#include <sys/stat.h>

#include "util/result_macros.h"

namespace strake::builder::snapshot {
namespace {

// The type that a file meant to be `mode` has on disk: devices that could not
// be made are empty regular files.
bool MayStandFor(uint32_t disk_mode, uint32_t mode) {
  if ((disk_mode & S_IFMT) == (mode & S_IFMT)) return true;
  return (S_ISCHR(mode) || S_ISBLK(mode)) && S_ISREG(disk_mode);
}

void Follow(const DiskFile& before, const DiskFile& now,
            VirtualMetadata& metadata) {
  if (now.mode != before.mode) {
    metadata.mode = (metadata.mode & S_IFMT) | (now.mode & 07777);
  }
  if (now.uid != before.uid) metadata.uid = now.uid;
  if (now.gid != before.gid) metadata.gid = now.gid;
}

}  // namespace

Result<OwnershipJournal> RefreshJournal(const OwnershipJournal& journal,
                                        const OwnershipJournal& parent,
                                        const JournalProbe& probe) {
  OwnershipJournal refreshed;
  for (const auto& [path, metadata] : journal.entries()) {
    VirtualMetadata kept = metadata;
    const VirtualMetadata* inherited = parent.Find(path);
    if (inherited != nullptr && *inherited == metadata) {
      ASSIGN_OR_RETURN(JournalledFile file, probe(path));
      bool gone = file.touched &&
                  (!file.now || !MayStandFor(file.now->mode, metadata.mode));
      if (gone) continue;
      if (file.touched && file.before) Follow(*file.before, *file.now, kept);
    }
    refreshed.Set(path, std::move(kept));
  }
  return refreshed;
}

}  // namespace strake::builder::snapshot
