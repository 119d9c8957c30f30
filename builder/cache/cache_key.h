// What identifies the result of a vertex.
//
// A key is made of what a vertex does and of its inputs' keys. Where a vertex
// reads files of a build context, or copies files out of another state, the
// digest of just those files takes the place of where they came from: never
// their times, never where they lie. Keys are the same on every machine, for
// every user and under every snapshotter and sandbox.

#ifndef STRAKE_BUILDER_CACHE_CACHE_KEY_H_
#define STRAKE_BUILDER_CACHE_CACHE_KEY_H_

#include <span>

#include "builder/plan/op.h"
#include "oci/digest.h"

namespace strake::builder::cache {

// The key of `op` on inputs with the keys `inputs`.
oci::Digest DefinitionKey(const plan::Op& op,
                          std::span<const oci::Digest> inputs);

// The key of a copy whose files have the digest `content`, onto a state with
// the key `base` (empty for `--link`): whatever the files came from.
oci::Digest ContentKey(const plan::CopyOp& op, const oci::Digest& base,
                       const oci::Digest& content);

}  // namespace strake::builder::cache

#endif  // STRAKE_BUILDER_CACHE_CACHE_KEY_H_
