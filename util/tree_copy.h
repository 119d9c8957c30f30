// A whole tree copied, file by file, sharing storage where the file system can
// (reflinks) and never sharing a file that could be written through.

#ifndef STRAKE_UTIL_TREE_COPY_H_
#define STRAKE_UTIL_TREE_COPY_H_

#include <functional>
#include <string_view>

#include "util/result.h"

namespace strake {

// Fills the empty directory `to` with what is in `from` (both borrowed): types,
// content with its holes, owners, modes, times, extended attributes, devices,
// and hard links among the files. Sockets are left out. The directories `from`
// and `to` themselves stay as they are. Errors: `kIo` with the path.
//   keeps_xattr  says of an extended attribute whether it belongs to the copy;
//                null: all do
Status CopyTree(int from, int to,
                const std::function<bool(std::string_view)>& keeps_xattr = {});

}  // namespace strake

#endif  // STRAKE_UTIL_TREE_COPY_H_
