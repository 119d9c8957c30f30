#include "oci/layer_blob.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "oci/background_hasher.h"
#include "oci/read_ahead.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

// Enough to tell how a stream is compressed.
constexpr size_t kHeadBytes = 6;

// The bytes of `next`, the first few of them seen in advance.
class PeekedSource final : public ByteSource {
 public:
  explicit PeekedSource(std::unique_ptr<ByteSource> next)
      : next_(std::move(next)) {}

  Result<std::span<const std::byte>> Peek() {
    while (size_ < head_.size()) {
      ASSIGN_OR_RETURN(size_t count,
                       next_->Read(std::span(head_).subspan(size_)));
      if (count == 0) break;
      size_ += count;
    }
    return std::span<const std::byte>(head_).first(size_);
  }

  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (given_ == size_) return next_->Read(buffer);
    size_t count = std::min(buffer.size(), size_ - given_);
    std::copy_n(head_.begin() + static_cast<ptrdiff_t>(given_), count,
                buffer.begin());
    given_ += count;
    return count;
  }

 private:
  std::unique_ptr<ByteSource> next_;
  std::array<std::byte, kHeadBytes> head_{};
  size_t size_ = 0;
  size_t given_ = 0;
};

// The tar of a layer in a store, hashed as it is read. The store vouches for
// the digest of the blob.
class LayerTar final : public ByteSource {
 public:
  // How the layer is compressed its bytes know better than its media type:
  // many registries hold layers that are not what they are said to be, and all
  // other tools look at the bytes.
  static Result<std::unique_ptr<LayerTar>> Open(const Descriptor& layer,
                                                const BlobStore& store) {
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> blob, store.Open(layer));
    auto peeked = std::make_unique<PeekedSource>(std::move(blob));
    ASSIGN_OR_RETURN(std::span<const std::byte> head, peeked->Peek());
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> tar,
                     NewDecompressor(DetectCompression(head), *peeked));
    return std::make_unique<LayerTar>(std::move(peeked), std::move(tar));
  }

  LayerTar(std::unique_ptr<PeekedSource> blob, std::unique_ptr<ByteSource> tar)
      : blob_(std::move(blob)), tar_(std::move(tar)) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    ASSIGN_OR_RETURN(size_t count, tar_->Read(buffer));
    hasher_.Update(buffer.first(count));
    return count;
  }
  // Of what was read: the diff ID, once that is all.
  Digest digest() { return hasher_.Finish(); }

 private:
  std::unique_ptr<PeekedSource> blob_;
  std::unique_ptr<ByteSource> tar_;
  Hasher hasher_;
};

Result<LayerApplySummary> Apply(const Descriptor& layer, const Digest& diff_id,
                                const BlobStore& store, int root,
                                const LayerApplyOptions& options) {
  // A media type that is no layer's is refused.
  RETURN_IF_ERROR(LayerCompression(layer.media_type));
  ASSIGN_OR_RETURN(std::unique_ptr<LayerTar> tar, LayerTar::Open(layer, store));
  // Making files keeps one core busy in the kernel, the rest another one here.
  LayerApplySummary summary;
  {
    ReadAheadSource ahead(*tar);
    ASSIGN_OR_RETURN(summary, ApplyLayer(ahead, root, options));
  }
  if (diff_id.empty()) return summary;
  Digest seen = tar->digest();
  if (seen == diff_id) return summary;
  return Corrupt("its diff ID should be " + diff_id.ToString() + ", but is " +
                 seen.ToString());
}

// Tells of every write into a blob.
class ObservedSink final : public ByteSink {
 public:
  using ByteSink::Write;
  ObservedSink(BlobWriter& blob, BlobObserver* observer)
      : blob_(blob), observer_(observer) {}

  Status Write(std::span<const std::byte> data) override {
    RETURN_IF_ERROR(blob_.Write(data));
    if (observer_ != nullptr) observer_->Grew(blob_.bytes_written());
    return {};
  }

 private:
  BlobWriter& blob_;
  BlobObserver* const observer_;
};

}  // namespace

Result<LayerBlob> WriteLayerBlob(std::span<const Change> changes, int root,
                                 const CompressionOptions& compression,
                                 const LayerWriteOptions& options,
                                 const BlobStore& store,
                                 BlobObserver* observer) {
  LayerBlob layer;
  ASSIGN_OR_RETURN(
      layer.descriptor.media_type,
      LayerMediaType(compression.algorithm, MediaTypeFamily::kOci));
  const bool threads = compression.threads != 0;
  ASSIGN_OR_RETURN(
      std::unique_ptr<BlobWriter> blob,
      store.Create(threads ? BlobHashing::kOwnThread : BlobHashing::kWriter));
  ObservedSink observed(*blob, observer);
  if (observer != nullptr) {
    ASSIGN_OR_RETURN(UniqueFd file, blob->File());
    observer->Began(std::move(file));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSink> compressor,
                   NewCompressor(compression, observed));
  if (compression.algorithm == Compression::kNone) {
    RETURN_IF_ERROR(WriteLayer(changes, root, *compressor, options));
  } else {
    BackgroundHashingSink tar(threads ? HashThread::kOwn : HashThread::kCallers,
                              *compressor);
    RETURN_IF_ERROR(WriteLayer(changes, root, tar, options));
    RETURN_IF_ERROR(compressor->Finish());
    layer.diff_id = tar.digest();
    layer.uncompressed_bytes = tar.size_bytes();
  }
  ASSIGN_OR_RETURN(BlobInfo info, blob->Commit());
  layer.descriptor.digest = info.digest;
  layer.descriptor.size_bytes = info.size_bytes;
  if (compression.algorithm == Compression::kNone) {
    // The blob is the tar.
    layer.diff_id = info.digest;
    layer.uncompressed_bytes = info.size_bytes;
  }
  if (observer != nullptr) observer->Ended(layer.descriptor);
  return layer;
}

Result<LayerApplySummary> ApplyLayerBlob(const Descriptor& layer,
                                         const Digest& diff_id,
                                         const BlobStore& store, int root,
                                         const LayerApplyOptions& options) {
  auto applied = Apply(layer, diff_id, store, root, options);
  if (applied) return applied;
  return std::move(applied).error().Wrap("cannot unpack layer " +
                                         layer.digest.ToString());
}

Result<Digest> ComputeDiffId(const Descriptor& layer, const BlobStore& store) {
  ASSIGN_OR_RETURN(std::unique_ptr<LayerTar> tar, LayerTar::Open(layer, store));
  NullSink nowhere;
  RETURN_IF_ERROR(CopyAll(*tar, nowhere));
  return tar->digest();
}

}  // namespace strake::oci
