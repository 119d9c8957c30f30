// Owner, mode and time of the root directory of a snapshot.

#ifndef STRAKE_BUILDER_SNAPSHOT_ROOT_ATTRIBUTES_H_
#define STRAKE_BUILDER_SNAPSHOT_ROOT_ATTRIBUTES_H_

#include "util/result.h"

namespace strake::builder::snapshot {

// Gives those of the directory `from` to the directory `to`. The root directory
// itself is no change that a layer records, so a snapshot inherits its
// parent's.
Status CopyRootAttributes(int from, int to);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_ROOT_ATTRIBUTES_H_
