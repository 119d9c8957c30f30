#include "registry/pull.h"

#include <set>
#include <utility>
#include <vector>

#include "oci/media_type.h"
#include "registry/blob_lock.h"
#include "registry/parallel_transfers.h"
#include "util/result_macros.h"

namespace strake::registry {
namespace {

void Report(const ProgressCallback& progress, const oci::Descriptor& blob,
            TransferAction action, uint64_t current_bytes, bool done) {
  if (!progress) return;
  progress({blob.digest, action, current_bytes, blob.size_bytes, done});
}

// One blob into the store, unless it is there.
Status PullBlob(const Client& client, const oci::Reference& repository,
                const oci::Descriptor& blob, const oci::BlobStore& store,
                const ProgressCallback& progress, std::stop_token stop) {
  if (store.Contains(blob.digest)) {
    Report(progress, blob, TransferAction::kExists, blob.size_bytes, true);
    return {};
  }
  Report(progress, blob, TransferAction::kPull, 0, false);
  ASSIGN_OR_RETURN(BlobLock alone, BlobLock::Acquire(store, blob.digest, stop));
  if (store.Contains(blob.digest)) {
    Report(progress, blob, TransferAction::kExists, blob.size_bytes, true);
    return {};
  }
  std::unique_ptr<oci::BlobWriter> writer;
  BlobSinkOpener open = [&]() -> Result<ByteSink*> {
    ASSIGN_OR_RETURN(writer, store.Create());
    return static_cast<ByteSink*>(writer.get());
  };
  auto on_bytes = [&](uint64_t current_bytes) {
    Report(progress, blob, TransferAction::kPull, current_bytes, false);
  };
  RETURN_IF_ERROR(client.FetchBlob(repository, blob, open, on_bytes, stop));
  auto stored = writer->Commit(blob.digest, blob.size_bytes);
  if (!stored) return std::move(stored).error();
  Report(progress, blob, TransferAction::kPull, blob.size_bytes, true);
  return {};
}

// The bytes of the document `descriptor`, from the store or the registry, and
// in the store afterwards.
Result<std::string> PullDocument(const Client& client,
                                 const oci::Reference& repository,
                                 const oci::Descriptor& descriptor,
                                 const oci::BlobStore& store,
                                 const PullOptions& options) {
  if (store.Contains(descriptor.digest)) return store.Read(descriptor.digest);
  ASSIGN_OR_RETURN(BlobLock alone,
                   BlobLock::Acquire(store, descriptor.digest, options.stop));
  if (store.Contains(descriptor.digest)) return store.Read(descriptor.digest);
  ASSIGN_OR_RETURN(
      FetchedManifest fetched,
      client.FetchManifest(oci::ByDigest(repository, descriptor.digest),
                           options.stop));
  auto put = store.Put(fetched.bytes, fetched.descriptor.media_type);
  if (!put) return std::move(put).error();
  return std::move(fetched.bytes);
}

struct Resolved {
  oci::Descriptor descriptor;
  std::string bytes;
};

Result<oci::Descriptor> DescribeStored(const oci::Digest& digest,
                                       std::string_view bytes) {
  oci::Descriptor descriptor;
  ASSIGN_OR_RETURN(descriptor.media_type, oci::DetectMediaType(bytes));
  descriptor.digest = digest;
  descriptor.size_bytes = bytes.size();
  return descriptor;
}

// What `reference` names, and its document. Content that is in the store is
// not asked for; what a tag names is.
Result<Resolved> Resolve(const Client& client, const oci::Reference& reference,
                         const oci::BlobStore& store,
                         const PullOptions& options) {
  Resolved resolved;
  if (reference.digest && store.Contains(*reference.digest)) {
    ASSIGN_OR_RETURN(resolved.bytes, store.Read(*reference.digest));
    ASSIGN_OR_RETURN(resolved.descriptor,
                     DescribeStored(*reference.digest, resolved.bytes));
    return resolved;
  }
  ASSIGN_OR_RETURN(resolved.descriptor,
                   client.ResolveManifest(reference, options.stop));
  ASSIGN_OR_RETURN(
      resolved.bytes,
      PullDocument(client, reference, resolved.descriptor, store, options));
  // Also corrects a size that the registry told wrongly.
  resolved.descriptor.size_bytes = resolved.bytes.size();
  return resolved;
}

Result<oci::Manifest> ReadManifest(const oci::Reference& reference,
                                   const oci::Descriptor& descriptor,
                                   std::string_view bytes) {
  auto manifest = oci::ParseManifest(bytes);
  if (manifest) return manifest;
  return std::move(manifest).error().Wrap(
      "manifest " + descriptor.digest.ToString() + " of " + reference.Name());
}

Result<oci::Index> ReadIndex(const oci::Reference& reference,
                             const oci::Descriptor& descriptor,
                             std::string_view bytes) {
  auto index = oci::ParseIndex(bytes);
  if (index) return index;
  return std::move(index).error().Wrap("index " + descriptor.digest.ToString() +
                                       " of " + reference.Name());
}

}  // namespace

Result<RemoteImage> PullMetadata(const Client& client,
                                 const oci::Reference& reference,
                                 const oci::Platform& platform,
                                 const oci::BlobStore& store,
                                 const PullOptions& options) {
  ASSIGN_OR_RETURN(Resolved resolved,
                   Resolve(client, reference, store, options));
  RemoteImage image;
  image.resolved = resolved.descriptor;
  image.descriptor = resolved.descriptor;
  std::string bytes = std::move(resolved.bytes);
  // An index may hold indexes; each is a document of its own, so this ends.
  while (oci::IsIndex(image.descriptor.media_type)) {
    ASSIGN_OR_RETURN(oci::Index index,
                     ReadIndex(reference, image.descriptor, bytes));
    auto selected = oci::SelectPlatform(index, platform);
    if (!selected) {
      return std::move(selected).error().Wrap(reference.ToString());
    }
    image.descriptor = std::move(selected).value();
    ASSIGN_OR_RETURN(bytes, PullDocument(client, reference, image.descriptor,
                                         store, options));
  }
  ASSIGN_OR_RETURN(image.manifest,
                   ReadManifest(reference, image.descriptor, bytes));
  // No image config is an image's only if it is small.
  constexpr uint64_t kConfigLimitBytes = uint64_t{32} << 20;
  if (image.manifest.config.size_bytes > kConfigLimitBytes) {
    return Unsupported(reference.ToString() + ": an image config of " +
                       std::to_string(image.manifest.config.size_bytes) +
                       " bytes");
  }
  RETURN_IF_ERROR(PullBlob(client, reference, image.manifest.config, store,
                           options.progress, options.stop));
  ASSIGN_OR_RETURN(image.config, store.Read(image.manifest.config.digest));
  return image;
}

Status PullLayers(const Client& client, const oci::Reference& repository,
                  std::span<const oci::Descriptor> layers,
                  const oci::BlobStore& store, const PullOptions& options) {
  // A layer may be in an image twice.
  std::vector<const oci::Descriptor*> blobs;
  std::set<oci::Digest> seen;
  for (const oci::Descriptor& layer : layers) {
    if (seen.insert(layer.digest).second) blobs.push_back(&layer);
  }
  return RunTransfers(blobs.size(), options.jobs, options.stop,
                      [&](size_t i, std::stop_token stop) {
                        return PullBlob(client, repository, *blobs[i], store,
                                        options.progress, stop);
                      });
}

Result<RemoteImage> PullImage(const Client& client,
                              const oci::Reference& reference,
                              const oci::Platform& platform,
                              const oci::BlobStore& store,
                              const PullOptions& options) {
  ASSIGN_OR_RETURN(RemoteImage image,
                   PullMetadata(client, reference, platform, store, options));
  RETURN_IF_ERROR(
      PullLayers(client, reference, image.manifest.layers, store, options));
  return image;
}

Result<oci::Descriptor> PullAll(const Client& client,
                                const oci::Reference& reference,
                                const oci::BlobStore& store,
                                const PullOptions& options) {
  ASSIGN_OR_RETURN(Resolved root, Resolve(client, reference, store, options));
  std::vector<oci::Descriptor> blobs;
  std::set<oci::Digest> seen;
  std::vector<Resolved> documents;
  documents.push_back(root);
  while (!documents.empty()) {
    Resolved document = std::move(documents.back());
    documents.pop_back();
    if (!seen.insert(document.descriptor.digest).second) continue;
    if (oci::IsIndex(document.descriptor.media_type)) {
      ASSIGN_OR_RETURN(
          oci::Index index,
          ReadIndex(reference, document.descriptor, document.bytes));
      for (const oci::Descriptor& child : index.manifests) {
        ASSIGN_OR_RETURN(
            std::string bytes,
            PullDocument(client, reference, child, store, options));
        documents.push_back({child, std::move(bytes)});
      }
      continue;
    }
    ASSIGN_OR_RETURN(
        oci::Manifest manifest,
        ReadManifest(reference, document.descriptor, document.bytes));
    blobs.push_back(manifest.config);
    blobs.insert(blobs.end(), manifest.layers.begin(), manifest.layers.end());
  }
  RETURN_IF_ERROR(PullLayers(client, reference, blobs, store, options));
  return root.descriptor;
}

}  // namespace strake::registry
