// From a registry into a `BlobStore`.
//
// Documents first, layers when they are asked for: a build whose steps are all
// cached downloads no layer. A blob that the store has is never asked for;
// blobs are verified while they stream and published whole or not at all. Of
// several threads and processes that pull the same blob one fetches it, and the
// others wait for it.

#ifndef STRAKE_REGISTRY_PULL_H_
#define STRAKE_REGISTRY_PULL_H_

#include <span>
#include <stop_token>
#include <string>

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transfer_progress.h"
#include "util/result.h"

namespace strake::registry {

struct PullOptions {
  unsigned jobs = 4;               // blobs at once
  ProgressCallback progress = {};  // layers and configs
  std::stop_token stop = {};
};

// An image whose index, manifest and config are in the store; its layers may
// not be yet.
struct RemoteImage {
  // What the reference names: an index, or the manifest itself.
  oci::Descriptor resolved;
  // The manifest for the platform asked for; equal to `resolved` (its
  // `platform` aside) where that is no index.
  oci::Descriptor descriptor;
  oci::Manifest manifest;
  std::string config;  // the bytes of the image config
};

// Pulls index, manifest and config of `reference`, no layer. Where the
// reference has a digest whose documents are all in the store, no request is
// made; otherwise a tag costs one HEAD when nothing has changed.
// `kNotFound` where the index has nothing for `platform` (it lists what it
// has). An image that is no index is taken whatever its platform is: look at
// the config.
Result<RemoteImage> PullMetadata(const Client& client,
                                 const oci::Reference& reference,
                                 const oci::Platform& platform,
                                 const oci::BlobStore& store,
                                 const PullOptions& options = {});

// Pulls those of `layers` that the store lacks, `options.jobs` at once. The
// first failure stops the others and is returned; what has been published by
// then stays. Layers with `urls` (foreign layers) are asked of the registry
// first, then of these, without credentials.
//   repository  where they are; tag and digest are not looked at
Status PullLayers(const Client& client, const oci::Reference& repository,
                  std::span<const oci::Descriptor> layers,
                  const oci::BlobStore& store, const PullOptions& options = {});

// `PullMetadata` and all layers of the manifest.
Result<RemoteImage> PullImage(const Client& client,
                              const oci::Reference& reference,
                              const oci::Platform& platform,
                              const oci::BlobStore& store,
                              const PullOptions& options = {});

// Everything that `reference` reaches, all platforms. Returns what it names.
Result<oci::Descriptor> PullAll(const Client& client,
                                const oci::Reference& reference,
                                const oci::BlobStore& store,
                                const PullOptions& options = {});

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_PULL_H_
