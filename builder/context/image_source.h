// Base images: manifest and configuration when a build is planned, layers when
// an instruction needs their files. The store first, the registry second.

#ifndef STRAKE_BUILDER_CONTEXT_IMAGE_SOURCE_H_
#define STRAKE_BUILDER_CONTEXT_IMAGE_SOURCE_H_

#include <stop_token>
#include <vector>

#include "builder/progress_reporter.h"
#include "oci/descriptor.h"
#include "oci/image_config.h"
#include "oci/image_layout.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/client.h"
#include "registry/transfer_progress.h"
#include "util/result.h"

namespace strake::builder::context {

struct SourceImage {
  oci::Reference reference;
  oci::Descriptor manifest;  // for the platform that was asked for
  // What the reference names: the manifest, or the index that it is in.
  oci::Digest named;
  std::vector<oci::Descriptor> layers;
  oci::ImageConfig config;
};

// Thread-safe. All is borrowed.
class ImageSource {
 public:
  enum class Policy {
    kStoreFirst,     // a name that the store knows is taken from it
    kAlwaysResolve,  // the registry is asked what the name means now
  };
  ImageSource(const registry::Client& client, const oci::ImageLayout& store,
              Policy policy, ProgressReporter& progress, std::stop_token stop)
      : client_(client),
        store_(store),
        policy_(policy),
        progress_(progress),
        stop_(std::move(stop)) {}

  // What `reference` (with tag or digest) means for `platform`; documents only.
  // `kNotFound`, `kUnauthorized`, `kUnavailable` as the registry answers.
  Result<SourceImage> Resolve(const oci::Reference& reference,
                              const oci::Platform& platform) const;

  // The image that the store has under `stored`; `reference` is where its
  // layers would be fetched, should one be missing.
  Result<SourceImage> Read(const oci::Reference& reference,
                           const oci::Descriptor& stored,
                           const oci::Platform& platform) const;

  // Whether the store has all of `layers`.
  bool HasLayers(const std::vector<oci::Descriptor>& layers) const;
  // Brings those of `layers` into the store that are not there, reporting to
  // `step`.
  Status FetchLayers(const oci::Reference& reference,
                     const std::vector<oci::Descriptor>& layers,
                     uint64_t step) const;

 private:
  const registry::Client& client_;
  const oci::ImageLayout& store_;
  Policy policy_;
  ProgressReporter& progress_;
  std::stop_token stop_;
};

// A callback that shows a registry's transfers as those of `step`.
registry::ProgressCallback ReportTransfers(ProgressReporter& progress,
                                           uint64_t step);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_IMAGE_SOURCE_H_
