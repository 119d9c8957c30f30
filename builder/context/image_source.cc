#include "builder/context/image_source.h"

#include <algorithm>
#include <utility>

#include "registry/pull.h"
#include "util/result_macros.h"

namespace strake::builder::context {

registry::ProgressCallback ReportTransfers(ProgressReporter& progress,
                                           uint64_t step) {
  return [&progress, step](const registry::TransferProgress& transfer) {
    ProgressEvent::Transfer event;
    event.id = transfer.digest.ToString();
    event.current_bytes = transfer.current_bytes;
    event.total_bytes = transfer.total_bytes;
    event.done = transfer.done;
    progress.Transfer(step, event);
  };
}

Result<SourceImage> ImageSource::Resolve(const oci::Reference& reference,
                                         const oci::Platform& platform) const {
  ProgressStep step(progress_,
                    "[internal] load metadata for " + reference.ToString());
  return step.EndWith([&]() -> Result<SourceImage> {
    if (policy_ == Policy::kStoreFirst) {
      auto found = store_.Find(reference.ToString());
      if (found) return Read(reference, *found, platform);
      if (found.error().code() != ErrorCode::kNotFound) {
        return std::move(found).error();
      }
    }
    registry::PullOptions options;
    options.progress = ReportTransfers(progress_, step.id());
    options.stop = stop_;
    ASSIGN_OR_RETURN(registry::RemoteImage remote,
                     registry::PullMetadata(client_, reference, platform,
                                            store_.blobs(), options));
    SourceImage image;
    image.reference = reference;
    image.manifest = std::move(remote.descriptor);
    image.named = std::move(remote.resolved.digest);
    image.layers = std::move(remote.manifest.layers);
    ASSIGN_OR_RETURN(image.config, oci::ParseImageConfig(remote.config));
    return image;
  }());
}

Result<SourceImage> ImageSource::Read(const oci::Reference& reference,
                                      const oci::Descriptor& stored,
                                      const oci::Platform& platform) const {
  SourceImage image;
  image.reference = reference;
  image.manifest = stored;
  image.named = stored.digest;
  ASSIGN_OR_RETURN(std::string text, store_.blobs().Read(stored.digest));
  if (oci::IsIndex(stored.media_type)) {
    ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(text));
    ASSIGN_OR_RETURN(image.manifest, oci::SelectPlatform(index, platform));
    ASSIGN_OR_RETURN(text, store_.blobs().Read(image.manifest.digest));
  }
  ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(text));
  image.layers = std::move(manifest.layers);
  ASSIGN_OR_RETURN(std::string config,
                   store_.blobs().Read(manifest.config.digest));
  ASSIGN_OR_RETURN(image.config, oci::ParseImageConfig(config));
  return image;
}

bool ImageSource::HasLayers(const std::vector<oci::Descriptor>& layers) const {
  return std::all_of(layers.begin(), layers.end(),
                     [this](const oci::Descriptor& layer) {
                       return store_.blobs().Contains(layer.digest);
                     });
}

Status ImageSource::FetchLayers(const oci::Reference& reference,
                                const std::vector<oci::Descriptor>& layers,
                                uint64_t step) const {
  std::vector<oci::Descriptor> missing;
  std::copy_if(layers.begin(), layers.end(), std::back_inserter(missing),
               [this](const oci::Descriptor& layer) {
                 return !store_.blobs().Contains(layer.digest);
               });
  if (missing.empty()) return {};
  registry::PullOptions options;
  options.progress = ReportTransfers(progress_, step);
  options.stop = stop_;
  return registry::PullLayers(client_, reference, missing, store_.blobs(),
                              options);
}

}  // namespace strake::builder::context
