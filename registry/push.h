// From a `BlobStore` to a registry.

#ifndef STRAKE_REGISTRY_PUSH_H_
#define STRAKE_REGISTRY_PUSH_H_

#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "oci/blob_store.h"
#include "oci/descriptor.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transfer_progress.h"
#include "util/result.h"

namespace strake::registry {

struct PushOptions {
  unsigned jobs = 8;  // blobs at once
  // Repositories that are likely to have some of the blobs (those of base
  // images). One on the same registry as the target is asked to lend each blob
  // that the target lacks before it is uploaded; the others are passed over.
  std::vector<oci::Reference> mount_from = {};
  // The repository, of any registry, that has a blob which the store lacks: it
  // is streamed from there to the target, and kept nowhere. Nothing: it has to
  // come into the store. Called from several threads; may be empty.
  std::function<std::optional<oci::Reference>(const oci::Descriptor&)>
      found_in = {};
  // Brings a blob that is to be uploaded into the store, which lacks it; called
  // from several threads. Empty: all have to be there.
  std::function<Status(const oci::Descriptor&)> fetch_missing = {};
  // The upload of a blob that began while it was written, to the repository
  // that is pushed to; null: there is none. Called from several threads; may be
  // empty.
  std::function<std::shared_ptr<GrowingUpload>(const oci::Descriptor&)>
      under_way = {};
  ProgressCallback progress = {};  // layers and configs
  std::stop_token stop = {};
};

// Pushes `root`, an index or a manifest in `store`, and all that it reaches to
// `reference`: children before parents, so that the registry never has a
// document whose parts are missing; blobs that it has are skipped, others
// mounted or uploaded, several at once. `root` itself comes last, under the
// tag of `reference`, or by digest where it has none. Returns what was pushed:
// `root`, with the media type and size that its bytes have.
// Errors: those of `Client`; `kNotFound` or `kCorrupt` naming a blob that the
// store should have.
Result<oci::Descriptor> PushImage(const Client& client,
                                  const oci::Reference& reference,
                                  const oci::Descriptor& root,
                                  const oci::BlobStore& store,
                                  const PushOptions& options = {});

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_PUSH_H_
