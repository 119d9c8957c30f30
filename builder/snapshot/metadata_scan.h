// What a tree looked like at one moment: enough to tell later which files
// nobody has touched, at the cost of one statx(2) each.

#ifndef STRAKE_BUILDER_SNAPSHOT_METADATA_SCAN_H_
#define STRAKE_BUILDER_SNAPSHOT_METADATA_SCAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

struct statx;

namespace strake::builder::snapshot {

struct ScannedFile {
  // The time of the last change of a file that was changed so shortly before
  // the scan that another change could have the same time: it is taken for
  // touched, always.
  static constexpr int64_t kUnsettled = INT64_MIN;

  std::string path;
  uint64_t inode = 0;
  int64_t ctime_ns = kUnsettled;

  // Whether a file whose statx(2) is now `st` is this one, untouched: neither
  // content nor metadata nor links.
  bool Untouched(const struct statx& st) const;
  // Whether `later`, what a later scan saw, is this one, untouched.
  bool SameAs(const ScannedFile& later) const {
    return ctime_ns != kUnsettled && inode == later.inode &&
           ctime_ns == later.ctime_ns;
  }
};

// In the order of `PathLess`; sockets are left out, since no layer holds them.
using MetadataScan = std::vector<ScannedFile>;

// Scans what is in the directory `root`. Changes from now on will show.
Result<MetadataScan> ScanTree(int root);

// What a scan of `root` would give now, where only `paths`, sorted by
// `PathLess`, can have changed since `scan`. Errors: `kIo` where one of them
// cannot be reached.
Result<MetadataScan> RescanPaths(int root, MetadataScan scan,
                                 const std::vector<std::string>& paths);

// A form to be kept on disk (specified in the .cc).
std::string SerializeScan(const MetadataScan& scan);
// `kCorrupt` for anything else.
Result<MetadataScan> ParseScan(std::string_view bytes);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_METADATA_SCAN_H_
