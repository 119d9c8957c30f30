#include "builder/snapshot/file_metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::snapshot {
namespace {

// Fills `buffer` unless the end comes first.
Result<size_t> ReadFull(int fd, std::span<std::byte> buffer) {
  FdSource source(fd);
  size_t filled = 0;
  while (filled < buffer.size()) {
    ASSIGN_OR_RETURN(size_t count, source.Read(buffer.subspan(filled)));
    if (count == 0) break;
    filled += count;
  }
  return filled;
}

}  // namespace

bool IsContentXattr(std::string_view name) {
  constexpr std::string_view kOverlay[] = {"trusted.overlay.", "user.overlay."};
  for (std::string_view prefix : kOverlay) {
    if (name.substr(0, prefix.size()) == prefix) return false;
  }
  constexpr std::string_view kHosts[] = {
      "security.evm",    "security.ima",     "security.selinux",
      "system.nfs4_acl", "system.nfs4_dacl", "system.nfs4_sacl",
      "system.cifs_acl", "system.richacl",   "system.ntfs_acl"};
  return std::ranges::find(kHosts, name) == std::end(kHosts);
}

Result<oci::FileMetadata> ReadFileMetadata(int dir, const char* path,
                                           const struct statx& st,
                                           const Xattrs* xattrs) {
  oci::FileMetadata metadata;
  metadata.mode = st.stx_mode;
  metadata.uid = VirtualUid(st.stx_uid);
  metadata.gid = VirtualGid(st.stx_gid);
  metadata.mtime = std::chrono::seconds(st.stx_mtime.tv_sec) +
                   std::chrono::nanoseconds(st.stx_mtime.tv_nsec);
  metadata.device = ::makedev(st.stx_dev_major, st.stx_dev_minor);
  metadata.inode = st.stx_ino;
  metadata.link_count = st.stx_nlink;
  if (S_ISREG(st.stx_mode)) metadata.size_bytes = st.stx_size;
  if (S_ISCHR(st.stx_mode) || S_ISBLK(st.stx_mode)) {
    metadata.rdev = ::makedev(st.stx_rdev_major, st.stx_rdev_minor);
  }
  if (S_ISLNK(st.stx_mode)) {
    ASSIGN_OR_RETURN(metadata.link_target, ReadLinkAt(dir, path));
  }
  Xattrs read;
  if (xattrs == nullptr) {
    ASSIGN_OR_RETURN(read, ReadXattrsAt(dir, path));
    xattrs = &read;
  }
  for (const auto& [name, value] : *xattrs) {
    if (IsContentXattr(name)) metadata.xattrs.emplace(name, value);
  }
  return metadata;
}

void ApplyJournalEntry(const VirtualMetadata* entry,
                       oci::FileMetadata& metadata) {
  if (entry == nullptr) return;
  metadata.mode = entry->mode;
  metadata.uid = entry->uid;
  metadata.gid = entry->gid;
  metadata.rdev = entry->rdev;
  // A device is an empty regular file on disk.
  if (!S_ISREG(entry->mode)) metadata.size_bytes = 0;
  for (const auto& [name, value] : entry->xattrs) {
    metadata.xattrs.insert_or_assign(name, value);
  }
}

bool SameMetadata(const oci::FileMetadata& a, const oci::FileMetadata& b) {
  return a.mode == b.mode && a.uid == b.uid && a.gid == b.gid &&
         a.size_bytes == b.size_bytes && a.mtime == b.mtime &&
         a.rdev == b.rdev && a.link_target == b.link_target &&
         a.xattrs == b.xattrs;
}

Result<bool> SameContent(int dir_a, const char* path_a, int dir_b,
                         const char* path_b) {
  ASSIGN_OR_RETURN(UniqueFd a, OpenToRead(dir_a, path_a));
  ASSIGN_OR_RETURN(UniqueFd b, OpenToRead(dir_b, path_b));
  std::vector<std::byte> bytes_a(kStreamBufferBytes);
  std::vector<std::byte> bytes_b(kStreamBufferBytes);
  while (true) {
    ASSIGN_OR_RETURN(size_t count_a, ReadFull(a.get(), bytes_a));
    ASSIGN_OR_RETURN(size_t count_b, ReadFull(b.get(), bytes_b));
    if (count_a != count_b) return false;
    if (std::memcmp(bytes_a.data(), bytes_b.data(), count_a) != 0) return false;
    if (count_a < bytes_a.size()) return true;
  }
}

}  // namespace strake::builder::snapshot
