// One entry of a tar that is being written, as its header describes it. For the
// `.cc` files of this room.

#ifndef STRAKE_OCI_TAR_ENTRY_H_
#define STRAKE_OCI_TAR_ENTRY_H_

#include <sys/stat.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

#include "oci/change.h"

namespace strake::oci {

struct TarEntry {
  std::string path;  // ends in "/" for a directory
  // Of a regular file that was written before; empty: not a hard link.
  std::string hard_link_target;
  // Borrowed. `size_bytes` counts for a regular file that is no hard link; what
  // finds hard links is not looked at.
  const FileMetadata* metadata = nullptr;
  std::chrono::nanoseconds mtime{0};       // instead of the metadata's
  std::map<std::string, std::string> pax;  // further records of its pax header

  bool has_content() const {
    return S_ISREG(metadata->mode) && hard_link_target.empty();
  }
  uint64_t content_bytes() const {
    return has_content() ? metadata->size_bytes : 0;
  }
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_TAR_ENTRY_H_
