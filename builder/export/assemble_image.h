// Layers and configuration to an image: config and manifest in the blob store,
// and an index over several of them.

#ifndef STRAKE_BUILDER_EXPORT_ASSEMBLE_IMAGE_H_
#define STRAKE_BUILDER_EXPORT_ASSEMBLE_IMAGE_H_

#include <optional>
#include <vector>

#include "builder/cache/portable_cache.h"
#include "builder/plan/build_graph.h"
#include "builder/solve/solver.h"
#include "oci/blob_store.h"
#include "oci/image_config.h"
#include "util/result.h"

namespace strake::builder::exporter {

struct AssembledImage {
  oci::Descriptor manifest;  // or the index, which has no config or platform
  oci::Descriptor config;
  oci::Platform platform;
  // The base's layers, which `manifest` names but the store may lack.
  std::vector<oci::Descriptor> base_layers;
};

// Times: a layer's history entry has the time when its step ran, an entry
// without layer that of the layer before it (after it, where there is none), so
// that a cached build gives the same image as the one that filled the cache.
//   now    for an image without any new layer
//   epoch  SOURCE_DATE_EPOCH: later times of new entries are set back to it
//   cache  to be put inside the image; null: none
Result<AssembledImage> AssembleImage(const plan::BuildGraph& graph,
                                     const plan::TargetImage& target,
                                     const solve::SolvedImage& solved,
                                     oci::Timestamp now,
                                     const std::optional<oci::Timestamp>& epoch,
                                     const cache::PortableCache* cache,
                                     const oci::BlobStore& store);

// An image index of `images`, in their order.
Result<AssembledImage> AssembleIndex(const std::vector<AssembledImage>& images,
                                     const oci::BlobStore& store);

}  // namespace strake::builder::exporter

#endif  // STRAKE_BUILDER_EXPORT_ASSEMBLE_IMAGE_H_
