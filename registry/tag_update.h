// Changing what a tag names without losing what others change meanwhile.

#ifndef STRAKE_REGISTRY_TAG_UPDATE_H_
#define STRAKE_REGISTRY_TAG_UPDATE_H_

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::registry {

struct TaggedDocument {
  std::string bytes;
  std::string media_type;
};

// What the tag is to name, given what it names now (nothing: it does not
// exist); nothing where that is already as it should be. Called several times.
using TagChange = std::function<Result<std::optional<TaggedDocument>>(
    const std::optional<FetchedManifest>& current)>;

// Applies `change` to the tag of `reference` until it has held, and returns
// what the tag then names. A registry that keeps conditions
// (`Client::KeepsConditions`) makes that atomic where the tag exists. With
// others the tag is looked at again right before it is written, and with all
// for a while after a write that was unconditional or made the tag: a change
// that somebody else's overwrote is made once more. What can be lost there is a
// change that is overwritten later than that, by a writer that had been held up
// between its look and its write.
// Errors: those of `change` and of `Client`; `kUnavailable` where others change
// the tag all the time.
Result<oci::Descriptor> UpdateTag(const Client& client,
                                  const oci::Reference& reference,
                                  const TagChange& change,
                                  std::stop_token stop = {});

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_TAG_UPDATE_H_
