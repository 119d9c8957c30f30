#include "builder/sandbox/notify/new_file.h"

#include <mutex>
#include <utility>

namespace strake::builder::sandbox::notify {

mode_t DiskMode(mode_t mode) {
  if (S_ISDIR(mode)) return (mode & 01777) | 0700;
  return (mode & 0777) | 0600;
}

void RecordNewFile(Request& request, int directory, const struct stat& file,
                   mode_t mode, uint64_t rdev) {
  const Credentials& who = request.credentials();
  VirtualMetadata meant;
  meant.mode = mode;
  meant.uid = who.fsuid;
  meant.gid = who.fsgid;
  meant.rdev = rdev;
  struct stat parent {};
  if (request.Stat(directory, parent) == 0 && (parent.st_mode & S_ISGID) != 0) {
    meant.gid = parent.st_gid;
    if (S_ISDIR(mode)) meant.mode |= S_ISGID;
  }
  constexpr mode_t kSetGroup = S_ISGID | S_IXGRP;
  if (!S_ISDIR(mode) && (mode & kSetGroup) == kSetGroup &&
      !who.InGroup(meant.gid) && !who.Has(Capability::kFsetid)) {
    meant.mode &= ~static_cast<mode_t>(S_ISGID);
  }
  request.emulation().inodes.Created(file, std::move(meant));
}

void RecordWrite(Request& request, const struct stat& file) {
  Emulation& emulation = request.emulation();
  struct stat meant = file;
  emulation.inodes.Apply(meant);
  const bool set_ids = (meant.st_mode & (S_ISUID | S_ISGID)) != 0 &&
                       !request.credentials().Has(Capability::kFsetid);
  if (!set_ids && !emulation.inodes.HasXattrs(file)) return;
  const std::lock_guard lock(emulation.changes);
  emulation.inodes.Update(file, [&](VirtualMetadata& metadata) {
    metadata.xattrs.erase("security.capability");
    if (set_ids && S_ISREG(metadata.mode)) {
      metadata.mode &= ~static_cast<mode_t>(S_ISUID);
      if ((metadata.mode & S_IXGRP) != 0) {
        metadata.mode &= ~static_cast<mode_t>(S_ISGID);
      }
    }
  });
}

}  // namespace strake::builder::sandbox::notify
