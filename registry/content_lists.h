// Lists that a registry gives page by page (distribution-spec, "Content
// Discovery"; the catalog is Docker's). The pages are followed by their `Link`.

#ifndef STRAKE_REGISTRY_CONTENT_LISTS_H_
#define STRAKE_REGISTRY_CONTENT_LISTS_H_

#include <stop_token>
#include <string>
#include <vector>

#include "oci/digest.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transport.h"
#include "util/result.h"

namespace strake::registry {

// Each as the function of `Client`.
Result<std::vector<std::string>> ListTags(Transport& transport,
                                          const oci::Reference& repository,
                                          const ListOptions& options,
                                          std::stop_token stop);
Result<std::vector<std::string>> ListRepositories(Transport& transport,
                                                  const std::string& registry,
                                                  const ListOptions& options,
                                                  std::stop_token stop);

// What the registry's own list has, unfiltered or filtered; nothing where it
// has no such endpoint.
Result<std::optional<std::vector<oci::Descriptor>>> ListReferrersByApi(
    Transport& transport, const oci::Reference& repository,
    const oci::Digest& subject, const std::string& artifact_type,
    std::stop_token stop);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_CONTENT_LISTS_H_
