// A whole tree copied, file by file, sharing storage where the file system can
// (reflinks) and never sharing a file that could be written through.

#ifndef STRAKE_BUILDER_SNAPSHOT_TREE_COPY_H_
#define STRAKE_BUILDER_SNAPSHOT_TREE_COPY_H_

#include "util/result.h"

namespace strake::builder::snapshot {

// Fills the empty directory `to` with what is in `from` (both borrowed): types,
// content with its holes, owners, modes, times, extended attributes, devices,
// and hard links among the files. Sockets are left out. The directories `from`
// and `to` themselves stay as they are. Errors: `kIo` with the path.
Status CopyTree(int from, int to);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_TREE_COPY_H_
