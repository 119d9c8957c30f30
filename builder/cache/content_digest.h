// The digest of the files that a copy takes, or a bind mount shows.
//
// It covers names, types, modes, owners, link targets, device numbers, extended
// attributes and content, hard links between the files of one source, and
// nothing else: no times, inode numbers, order on disk, or where the files lie.
// Files that ignore rules, --exclude or --parents leave out do not count.
//
// Files are read by as many threads as there are processors.

#ifndef STRAKE_BUILDER_CACHE_CONTENT_DIGEST_H_
#define STRAKE_BUILDER_CACHE_CONTENT_DIGEST_H_

#include <cstdint>
#include <functional>
#include <stop_token>
#include <string_view>

#include "builder/cache/ingredients.h"
#include "builder/cache/stat_cache.h"
#include "builder/context/copy_inputs.h"
#include "builder/plan/op.h"
#include "oci/digest.h"
#include "util/result.h"

namespace strake::builder::cache {

struct ContentDigestOptions {
  StatCache* stat_cache = nullptr;         // borrowed; null: read every file
  std::function<void(uint64_t)> on_bytes;  // of files actually read; called
                                           // from several threads
  FileList* files = nullptr;               // borrowed; receives every file
  std::stop_token stop;
};

// The digest of all sources of `op`. Owners do not count where --chown replaces
// them. Errors: as `context::MatchSources`; kInvalidArgument (a bad --exclude),
// kIo, kCancelled; kInternal for a context or input that `inputs` lacks.
Result<oci::Digest> DigestCopySources(const plan::CopyOp& op,
                                      const context::CopyInputs& inputs,
                                      const ContentDigestOptions& options);

// The digest of `path` in `tree` and all below it, symlinks in `path` being
// followed: what RUN --mount=type=bind shows. `kNotFound` as above.
Result<oci::Digest> DigestTree(const context::SourceTree& tree,
                               std::string_view path,
                               const ContentDigestOptions& options);

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_CONTENT_DIGEST_H_
