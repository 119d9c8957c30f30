// Layers that go to the registry while they are written, and while later steps
// run: the push at the end finds them there, or waits for the rest.
//
// Thread-safe. Ending it gives up what is under way: a build that fails sends
// no more.

#ifndef STRAKE_BUILDER_EXPORT_EARLY_UPLOADS_H_
#define STRAKE_BUILDER_EXPORT_EARLY_UPLOADS_H_

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "builder/output.h"
#include "oci/blob_observer.h"
#include "oci/convert_layer.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/growing_upload.h"
#include "util/guarded.h"

namespace strake::builder::exporter {

class EarlyUploads {
 public:
  // `client` is borrowed.
  EarlyUploads(const registry::Client& client, oci::Reference repository);
  EarlyUploads(const EarlyUploads&) = delete;
  EarlyUploads& operator=(const EarlyUploads&) = delete;
  ~EarlyUploads();

  // For a layer that is about to be written; it must not outlive this.
  std::unique_ptr<oci::BlobObserver> Observe();
  // That of the layer `blob`, for a push to `repository`; null: there is none.
  std::shared_ptr<registry::GrowingUpload> Find(
      const oci::Reference& repository, const oci::Digest& blob) const;

 private:
  class Observer;

  const registry::Client& client_;
  const oci::Reference repository_;
  mutable Guarded<
      std::map<oci::Digest, std::shared_ptr<registry::GrowingUpload>>>
      uploads_;
};

// The repository that layers go to as the build makes them; nothing where no
// output takes them there, or not in the form in which they are made.
//   made  as `CommonLayerForm` has it
std::optional<oci::Reference> RepositoryForLayers(
    const std::vector<Output>& outputs,
    const std::optional<oci::LayerForm>& made);

}  // namespace strake::builder::exporter

#endif  // STRAKE_BUILDER_EXPORT_EARLY_UPLOADS_H_
