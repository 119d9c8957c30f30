// A cache is an OCI artifact (image-spec manifest.md, "Guidelines for Artifact
// Usage"): its description as the config, the steps' layers as layers. Any
// registry keeps it, and any tool can copy it.
#include "builder/export/cache_output.h"

#include <set>
#include <span>
#include <string>
#include <utility>

#include "builder/context/image_source.h"
#include "oci/copy_blob.h"
#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/push.h"
#include "util/result_macros.h"

namespace strake::builder::exporter {
namespace {

std::vector<oci::Descriptor> LayersOf(const cache::PortableCache& cache) {
  std::vector<oci::Descriptor> layers;
  std::set<oci::Digest> seen;
  for (const auto& [name, layer] : cache.layers) {
    if (seen.insert(layer.descriptor.digest).second) {
      layers.push_back(layer.descriptor);
    }
  }
  for (const auto& [name, mount] : cache.mounts) {
    for (const oci::Descriptor& piece : mount.pieces) {
      if (seen.insert(piece.digest).second) layers.push_back(piece);
    }
  }
  return layers;
}

// Config and manifest, in the store.
Result<oci::Descriptor> PutManifest(const cache::PortableCache& cache,
                                    const oci::BlobStore& blobs) {
  oci::Manifest manifest;
  manifest.artifact_type = cache::kCacheArtifactType;
  ASSIGN_OR_RETURN(manifest.config,
                   blobs.Put(cache::SerializePortableCache(cache),
                             cache::kMediaTypeCacheConfig));
  manifest.layers = LayersOf(cache);
  return blobs.Put(oci::SerializeManifest(manifest), oci::kMediaTypeManifest);
}

Status ToRegistry(const CacheExport& spec, const oci::Descriptor& manifest,
                  const ExportContext& context) {
  ASSIGN_OR_RETURN(oci::Reference reference,
                   oci::ParseReference(spec.reference));
  ProgressStep step(context.progress,
                    "exporting cache to " + reference.ToString());
  registry::PushOptions options;
  options.mount_from = context.mount_from;
  options.fetch_missing = context.fetch_missing;
  options.progress = context::ReportTransfers(context.progress, step.id());
  options.stop = context.stop;
  return step.EndWith([&]() -> Status {
    auto pushed = registry::PushImage(context.client, reference, manifest,
                                      context.store.blobs(), options);
    if (!pushed) return std::move(pushed).error();
    return {};
  }());
}

Status ToFolder(const CacheExport& spec, const oci::Descriptor& manifest,
                const ExportContext& context) {
  ProgressStep step(context.progress, "exporting cache to " + spec.path);
  return step.EndWith([&]() -> Status {
    ASSIGN_OR_RETURN(
        oci::ImageLayout layout,
        oci::ImageLayout::Open(spec.path, oci::ImageLayout::OpenMode::kCreate));
    const oci::BlobStore& store = context.store.blobs();
    ASSIGN_OR_RETURN(std::string text, store.Read(manifest.digest));
    ASSIGN_OR_RETURN(oci::Manifest read, oci::ParseManifest(text));
    std::vector<oci::Descriptor> blobs = read.layers;
    blobs.push_back(read.config);
    blobs.push_back(manifest);
    for (const oci::Descriptor& blob : blobs) {
      if (!store.Contains(blob.digest) && context.fetch_missing) {
        RETURN_IF_ERROR(context.fetch_missing(blob));
      }
      RETURN_IF_ERROR(
          oci::CopyBlob(blob, store, layout.blobs(), oci::BlobCopy::kLink));
    }
    return layout.Tag(spec.tag, manifest);
  }());
}

}  // namespace

Status ExportCache(const CacheExport& spec, const cache::PortableCache& cache,
                   const ExportContext& context) {
  ASSIGN_OR_RETURN(oci::Descriptor manifest,
                   PutManifest(cache, context.store.blobs()));
  if (spec.kind == CacheExport::Kind::kLocal) {
    return ToFolder(spec, manifest, context);
  }
  return ToRegistry(spec, manifest, context);
}

}  // namespace strake::builder::exporter
