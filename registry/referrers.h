// Manifests that refer to others by `subject`: signatures, bills of materials
// (distribution-spec, "Listing Referrers"). Where a registry has no list of
// them, the tag "sha256-<hex>" names an index that the clients keep
// ("Referrers Tag Schema").

#ifndef STRAKE_REGISTRY_REFERRERS_H_
#define STRAKE_REGISTRY_REFERRERS_H_

#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "util/result.h"

namespace strake::registry {

struct Referrers {
  std::vector<oci::Descriptor> manifests;  // with artifact type, annotations
  // The registry has a list of its own; else they are those of the tag.
  bool by_api = true;
};

// What refers to `subject` in `repository`; none where nothing does, whether
// the registry has `subject` or not.
//   artifact_type  only those of this type; empty: all
Result<Referrers> ListReferrers(const Client& client,
                                const oci::Reference& repository,
                                const oci::Digest& subject,
                                const std::string& artifact_type = "",
                                std::stop_token stop = {});

// Stores `bytes` as `Client::PutManifest` does. Where it has a subject that the
// registry will not list it under, it is added to the subject's tag.
Status PutReferrer(const Client& client, const oci::Reference& reference,
                   std::string_view bytes, std::string_view media_type,
                   std::stop_token stop = {});

// Removes what has the digest of `reference`. A referrer that the registry does
// not list is taken out of its subject's tag, too.
Status DeleteReferrer(const Client& client, const oci::Reference& reference,
                      std::stop_token stop = {});

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_REFERRERS_H_
