#include "builder/cache/cache_key.h"

#include <string>

namespace strake::builder::cache {

using plan::Definition;
using plan::DefinitionPurpose;

oci::Digest DefinitionKey(const plan::Op& op,
                          std::span<const oci::Digest> inputs) {
  oci::Hasher hasher;
  hasher.Update("definition\n");
  for (const oci::Digest& input : inputs) hasher.Update(input.bytes());
  hasher.Update(Definition(op, DefinitionPurpose::kCacheKey));
  return hasher.Finish();
}

oci::Digest ContentKey(const plan::CopyOp& op, const oci::Digest& base,
                       const oci::Digest& content) {
  // Which files, and from where, is in `content`; how they are written is here.
  plan::CopyOp how;
  how.destination = op.destination;
  how.add = op.add;
  how.unpack = op.unpack;
  how.chown = op.chown;
  how.chmod = op.chmod;
  how.link = op.link;
  how.parents = op.parents;
  how.windows = op.windows;
  oci::Hasher hasher;
  hasher.Update("content\n");
  hasher.Update(base.bytes());
  hasher.Update(content.bytes());
  hasher.Update(Definition(how, DefinitionPurpose::kCacheKey));
  return hasher.Finish();
}

}  // namespace strake::builder::cache
