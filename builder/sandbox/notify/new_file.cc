#include "builder/sandbox/notify/new_file.h"

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

}  // namespace strake::builder::sandbox::notify
