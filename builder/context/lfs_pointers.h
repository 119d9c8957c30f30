// Files that stand for others which git-lfs keeps elsewhere (git-lfs
// docs/spec.md, "The Pointer").

#ifndef STRAKE_BUILDER_CONTEXT_LFS_POINTERS_H_
#define STRAKE_BUILDER_CONTEXT_LFS_POINTERS_H_

#include <cstddef>
#include <string>

#include "util/result.h"

namespace strake::builder::context {

// How many there are in the folder `directory` and below.
Result<size_t> CountLfsPointers(const std::string& directory);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_LFS_POINTERS_H_
