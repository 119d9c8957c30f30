#include "registry/copy.h"

#include <memory>
#include <vector>

#include "oci/manifest.h"
#include "oci/media_type.h"
#include "registry/parallel_transfers.h"
#include "registry/stream_blob.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::registry {
namespace {

// Digests form no circle, but an index of indexes can be absurdly deep.
constexpr int kMaxDepth = 32;

class Copy {
 public:
  Copy(const Client& client, const oci::Reference& from,
       const oci::Reference& to, const CopyOptions& options)
      : client_(client), from_(from), to_(to), options_(options) {}

  Status Blob(const oci::Descriptor& blob, std::stop_token stop) const {
    ASSIGN_OR_RETURN(bool there, client_.HasBlob(to_, blob.digest, stop));
    if (there) return Done(blob, TransferAction::kExists);
    if (from_.registry == to_.registry) {
      ASSIGN_OR_RETURN(
          MountResult mounted,
          client_.MountBlob(to_, blob.digest, from_.repository, stop));
      if (mounted == MountResult::kMounted) {
        return Done(blob, TransferAction::kMount);
      }
    }
    Report(blob, TransferAction::kPush, 0, false);
    BlobOpener open =
        [&](uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
      return StreamBlob(client_, from_, blob, offset, stop);
    };
    auto on_bytes = [&](uint64_t current_bytes) {
      Report(blob, TransferAction::kPush, current_bytes, false);
    };
    RETURN_IF_ERROR(client_.UploadBlob(to_, blob, open, on_bytes, stop));
    return Done(blob, TransferAction::kPush);
  }

  Status Document(const oci::Descriptor& document, int depth) const {
    if (depth > kMaxDepth) {
      return InvalidArgument("image indexes nested deeper than " +
                             std::to_string(kMaxDepth) + " levels");
    }
    ASSIGN_OR_RETURN(bool there,
                     client_.HasManifest(to_, document.digest, options_.stop));
    if (there) return {};
    ASSIGN_OR_RETURN(FetchedManifest fetched,
                     client_.FetchManifest(
                         oci::ByDigest(from_, document.digest), options_.stop));
    if (oci::IsIndex(fetched.descriptor.media_type)) {
      ASSIGN_OR_RETURN(oci::Index index, oci::ParseIndex(fetched.bytes));
      for (const oci::Descriptor& child : index.manifests) {
        RETURN_IF_ERROR(Document(child, depth + 1));
      }
    } else {
      RETURN_IF_ERROR(BlobsOf(fetched));
    }
    return client_.PutManifest(oci::ByDigest(to_, document.digest),
                               fetched.bytes, fetched.descriptor.media_type,
                               options_.stop);
  }

 private:
  Status BlobsOf(const FetchedManifest& fetched) const {
    ASSIGN_OR_RETURN(oci::Manifest manifest, oci::ParseManifest(fetched.bytes));
    std::vector<oci::Descriptor> blobs = std::move(manifest.layers);
    blobs.push_back(std::move(manifest.config));
    return RunTransfers(
        blobs.size(), options_.jobs, options_.stop,
        [&](size_t i, std::stop_token stop) { return Blob(blobs[i], stop); });
  }

  void Report(const oci::Descriptor& blob, TransferAction action,
              uint64_t current_bytes, bool done) const {
    if (!options_.progress) return;
    options_.progress(
        {blob.digest, action, current_bytes, blob.size_bytes, done});
  }
  Status Done(const oci::Descriptor& blob, TransferAction action) const {
    Report(blob, action, blob.size_bytes, true);
    return {};
  }

  const Client& client_;
  const oci::Reference& from_;
  const oci::Reference& to_;
  const CopyOptions& options_;
};

}  // namespace

Status CopyBlob(const Client& client, const oci::Reference& from,
                const oci::Reference& to, const oci::Descriptor& blob,
                const CopyOptions& options) {
  return Copy(client, from, to, options).Blob(blob, options.stop);
}

Status CopyImage(const Client& client, const oci::Reference& from,
                 const oci::Reference& to, const oci::Descriptor& root,
                 const CopyOptions& options) {
  if (from.registry == to.registry && from.repository == to.repository) {
    return {};
  }
  return Copy(client, from, to, options).Document(root, 0);
}

}  // namespace strake::registry
