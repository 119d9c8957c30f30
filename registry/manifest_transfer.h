// Manifests and indexes over HTTP (distribution-spec, "Pulling manifests",
// "Pushing Manifests"): what is asked for, and what an answer must be to be
// believed.

#ifndef STRAKE_REGISTRY_MANIFEST_TRANSFER_H_
#define STRAKE_REGISTRY_MANIFEST_TRANSFER_H_

#include <optional>
#include <stop_token>
#include <string_view>

#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transport.h"
#include "util/result.h"

namespace strake::registry {

// Each as the function of `Client`, at the one place that `reference` names.
Result<oci::Descriptor> ResolveManifest(Transport& transport,
                                        const oci::Reference& reference,
                                        std::stop_token stop,
                                        Tries tries = Tries::kAll);
Result<FetchedManifest> FetchManifest(Transport& transport,
                                      const oci::Reference& reference,
                                      std::stop_token stop,
                                      Tries tries = Tries::kAll);
Status PutManifest(Transport& transport, const oci::Reference& reference,
                   std::string_view bytes, std::string_view media_type,
                   std::stop_token stop);
Result<ConditionalPut> PutManifestIf(Transport& transport,
                                     const oci::Reference& reference,
                                     std::string_view bytes,
                                     std::string_view media_type,
                                     const std::optional<oci::Digest>& current,
                                     std::stop_token stop);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_MANIFEST_TRANSFER_H_
