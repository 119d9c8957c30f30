// One difference between two states of a root file system: what a layer is
// made of (image-spec layer.md, "Change Types").

#ifndef STRAKE_OCI_CHANGE_H_
#define STRAKE_OCI_CHANGE_H_

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace strake::oci {

// A file's metadata as a layer records it.
struct FileMetadata {
  uint32_t mode = 0;  // type and permission bits, as st_mode
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size_bytes = 0;            // regular files
  std::chrono::nanoseconds mtime{0};  // since the epoch; may be negative
  uint64_t rdev = 0;                  // character and block devices
  std::string link_target;            // symlinks
  std::map<std::string, std::string> xattrs;  // name to raw value
  // The file's identity, for finding hard links; (0, 0) where it has none.
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t link_count = 1;
};

enum class ChangeKind {
  kPresent,         // added or modified: `metadata` is what is there now
  kDeleted,         // was there, is not
  kOpaqueDirectory  // a directory that replaces all that was below it;
                    // `metadata` is the new one's
};

struct Change {
  ChangeKind kind = ChangeKind::kPresent;
  std::string path;       // relative to the root, no leading "/"; never empty
  FileMetadata metadata;  // unset for kDeleted
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_CHANGE_H_
