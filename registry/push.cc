#include "registry/push.h"

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>

#include "oci/manifest.h"
#include "oci/media_type.h"
#include "oci/walk.h"
#include "registry/copy.h"
#include "registry/growing_upload.h"
#include "registry/parallel_transfers.h"
#include "registry/sending_lock.h"
#include "util/result_macros.h"

namespace strake::registry {
namespace {

bool IsDocument(const oci::Descriptor& descriptor) {
  return oci::IsIndex(descriptor.media_type) ||
         oci::IsManifest(descriptor.media_type);
}

class Push {
 public:
  Push(const Client& client, const oci::Reference& target,
       const oci::BlobStore& store, const PushOptions& options)
      : client_(client), target_(target), store_(store), options_(options) {}

  Result<oci::Descriptor> Run(const oci::Descriptor& root);

 private:
  void Report(const oci::Descriptor& blob, TransferAction action,
              uint64_t current_bytes, bool done) const;
  Status PushBlob(const oci::Descriptor& blob, std::stop_token stop) const;
  Result<bool> AwaitHeadStart(const oci::Descriptor& blob,
                              std::stop_token stop) const;
  Result<bool> Mount(const oci::Descriptor& blob, std::stop_token stop) const;
  Status UploadBlob(const oci::Descriptor& blob, std::stop_token stop) const;
  Status PushDocument(const oci::Descriptor& document,
                      const oci::Reference& as) const;

  const Client& client_;
  const oci::Reference& target_;
  const oci::BlobStore& store_;
  const PushOptions& options_;
};

void Push::Report(const oci::Descriptor& blob, TransferAction action,
                  uint64_t current_bytes, bool done) const {
  if (!options_.progress) return;
  options_.progress(
      {blob.digest, action, current_bytes, blob.size_bytes, done});
}

// What is under way already is only waited for, unless it was in vain: the
// registry may have got the blob from somebody else.
Result<bool> Push::AwaitHeadStart(const oci::Descriptor& blob,
                                  std::stop_token stop) const {
  std::shared_ptr<GrowingUpload> upload;
  if (options_.under_way) upload = options_.under_way(blob);
  if (!upload) return false;
  ASSIGN_OR_RETURN(bool there, client_.HasBlob(target_, blob.digest, stop));
  if (there) {
    upload->GiveUp();
    return false;
  }
  auto on_bytes = [&](uint64_t current_bytes) {
    Report(blob, TransferAction::kPush, current_bytes, false);
  };
  if (!upload->Wait(on_bytes, stop)) return false;
  Report(blob, TransferAction::kPush, blob.size_bytes, true);
  return true;
}

Status Push::PushBlob(const oci::Descriptor& blob, std::stop_token stop) const {
  ASSIGN_OR_RETURN(bool sent, AwaitHeadStart(blob, stop));
  if (sent) return {};
  const auto sending = SendingLock(target_, blob.digest);
  const std::lock_guard alone(*sending);
  ASSIGN_OR_RETURN(bool there, client_.HasBlob(target_, blob.digest, stop));
  if (there) {
    Report(blob, TransferAction::kExists, blob.size_bytes, true);
    return {};
  }
  ASSIGN_OR_RETURN(bool mounted, Mount(blob, stop));
  if (mounted) {
    Report(blob, TransferAction::kMount, blob.size_bytes, true);
    return {};
  }
  if (!store_.Contains(blob.digest)) {
    std::optional<oci::Reference> source;
    if (options_.found_in) source = options_.found_in(blob);
    if (source) {
      return CopyBlob(client_, *source, target_, blob,
                      {.progress = options_.progress, .stop = stop});
    }
    if (options_.fetch_missing) RETURN_IF_ERROR(options_.fetch_missing(blob));
  }
  return UploadBlob(blob, stop);
}

Result<bool> Push::Mount(const oci::Descriptor& blob,
                         std::stop_token stop) const {
  for (const oci::Reference& source : options_.mount_from) {
    bool eligible = source.registry == target_.registry &&
                    source.repository != target_.repository;
    if (!eligible) continue;
    ASSIGN_OR_RETURN(
        MountResult result,
        client_.MountBlob(target_, blob.digest, source.repository, stop));
    if (result == MountResult::kMounted) return true;
  }
  return false;
}

Status Push::UploadBlob(const oci::Descriptor& blob,
                        std::stop_token stop) const {
  // Checked before anything is sent: the registry would only find out at the
  // end.
  auto stored = store_.Stat(blob.digest);
  if (!stored) {
    return std::move(stored).error().Wrap("push to " + target_.ToString());
  }
  if (stored->size_bytes != blob.size_bytes) {
    return Corrupt(
        "push to " + target_.ToString() + ": blob " + blob.digest.ToString() +
        " has " + std::to_string(stored->size_bytes) + " bytes in the store, " +
        std::to_string(blob.size_bytes) + " in the manifest");
  }
  Report(blob, TransferAction::kPush, 0, false);
  BlobOpener open =
      [&](uint64_t offset) -> Result<std::unique_ptr<ByteSource>> {
    ASSIGN_OR_RETURN(UniqueFd fd, store_.OpenFd(blob.digest));
    if (::lseek(fd.get(), static_cast<off_t>(offset), SEEK_SET) < 0) {
      return ErrnoError("seek in blob " + blob.digest.ToString());
    }
    return std::unique_ptr<ByteSource>(
        std::make_unique<FdSource>(std::move(fd)));
  };
  auto on_bytes = [&](uint64_t current_bytes) {
    Report(blob, TransferAction::kPush, current_bytes, false);
  };
  RETURN_IF_ERROR(client_.UploadBlob(target_, blob, open, on_bytes, stop));
  Report(blob, TransferAction::kPush, blob.size_bytes, true);
  return {};
}

Status Push::PushDocument(const oci::Descriptor& document,
                          const oci::Reference& as) const {
  ASSIGN_OR_RETURN(std::string bytes, store_.Read(document.digest));
  return client_.PutManifest(as, bytes, document.media_type, options_.stop);
}

Result<oci::Descriptor> Push::Run(const oci::Descriptor& root) {
  if (target_.digest && *target_.digest != root.digest) {
    return InvalidArgument("push to " + target_.ToString() + ": the image is " +
                           root.digest.ToString());
  }
  ASSIGN_OR_RETURN(std::string root_bytes, store_.Read(root.digest));
  oci::Descriptor pushed = root;
  ASSIGN_OR_RETURN(pushed.media_type, oci::DetectMediaType(root_bytes));
  pushed.size_bytes = root_bytes.size();
  if (!IsDocument(pushed)) {
    return InvalidArgument("push to " + target_.ToString() + ": " +
                           root.digest.ToString() +
                           " is neither an image manifest nor an index");
  }
  ASSIGN_OR_RETURN(std::vector<oci::Descriptor> reached,
                   oci::WalkImage(store_, pushed));
  auto first_document =
      std::stable_partition(reached.begin(), reached.end(),
                            [](const auto& d) { return !IsDocument(d); });
  std::span<const oci::Descriptor> blobs(reached.begin(), first_document);
  std::span<const oci::Descriptor> documents(first_document, reached.end());
  RETURN_IF_ERROR(RunTransfers(blobs.size(), options_.jobs, options_.stop,
                               [&](size_t i, std::stop_token stop) {
                                 return PushBlob(blobs[i], stop);
                               }));
  // Every blob is there now; `documents` has children before parents.
  for (const oci::Descriptor& document : documents) {
    if (document.digest == root.digest) continue;
    RETURN_IF_ERROR(
        PushDocument(document, oci::ByDigest(target_, document.digest)));
  }
  RETURN_IF_ERROR(PushDocument(pushed, target_));
  return pushed;
}

}  // namespace

Result<oci::Descriptor> PushImage(const Client& client,
                                  const oci::Reference& reference,
                                  const oci::Descriptor& root,
                                  const oci::BlobStore& store,
                                  const PushOptions& options) {
  oci::Reference target = reference;
  if (target.tag.empty() && !target.digest) target.digest = root.digest;
  return Push(client, target, store, options).Run(root);
}

}  // namespace strake::registry
