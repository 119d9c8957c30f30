// Copies one matched source of a COPY or ADD to its place.

#ifndef STRAKE_BUILDER_OPS_COPY_TREE_H_
#define STRAKE_BUILDER_OPS_COPY_TREE_H_

#include <time.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "builder/context/copy_walk.h"
#include "builder/context/tree_writer.h"
#include "builder/ops/borrowed_content.h"
#include "builder/plan/chmod.h"
#include "util/result.h"

namespace strake::builder::ops {

// How files change on their way.
struct CopyRules {
  std::optional<context::FileOwner> owner;  // --chown
  std::optional<plan::Chmod> chmod;         // not for symlinks
  std::optional<struct timespec> time;      // SOURCE_DATE_EPOCH
  std::function<void(uint64_t)> on_bytes;
  std::stop_token stop;
  // Takes content that need not be copied; null: all is. The source tree's root
  // must outlive it.
  BorrowedContent* borrowed = nullptr;
};

struct CopyTreeSummary {
  uint64_t files = 0;  // of any type; not the matched directory itself
  uint64_t content_bytes = 0;
};

// Copies `match` to `destination`, a path of `writer`'s tree that is free of
// symlinks. A file becomes `destination`, whose directory exists, and replaces
// a file there. Of a directory the content goes into the existing directory
// `destination`, which keeps its own metadata and time; directories below it
// are merged and take the source's metadata. Files that are hard links of each
// other stay so.
// Errors: kInvalidArgument (file over directory, directory over file), kIo,
// kCancelled.
Result<CopyTreeSummary> CopyMatchTo(const context::SourceTree& tree,
                                    const context::CopyMatch& match,
                                    const context::CopyFilter& filter,
                                    context::TreeWriter& writer,
                                    const std::string& destination,
                                    const CopyRules& rules);

// Makes room for a file at `place`: removes a file that is there.
// `kInvalidArgument`: a directory is.
Status MakeRoomForFile(context::TreeWriter& writer,
                       const context::TreePlace& place);

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_COPY_TREE_H_
