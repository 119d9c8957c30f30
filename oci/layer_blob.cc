#include "oci/layer_blob.h"

#include <algorithm>
#include <array>

#include "oci/read_ahead.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

// Enough to tell how a stream is compressed.
constexpr size_t kHeadBytes = 6;

// The bytes of `next` (borrowed), the first few of them seen in advance.
class PeekedSource final : public ByteSource {
 public:
  explicit PeekedSource(ByteSource& next) : next_(next) {}

  Result<std::span<const std::byte>> Peek() {
    while (size_ < head_.size()) {
      ASSIGN_OR_RETURN(size_t count,
                       next_.Read(std::span(head_).subspan(size_)));
      if (count == 0) break;
      size_ += count;
    }
    return std::span<const std::byte>(head_).first(size_);
  }

  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (given_ == size_) return next_.Read(buffer);
    size_t count = std::min(buffer.size(), size_ - given_);
    std::copy_n(head_.begin() + static_cast<ptrdiff_t>(given_), count,
                buffer.begin());
    given_ += count;
    return count;
  }

 private:
  ByteSource& next_;
  std::array<std::byte, kHeadBytes> head_{};
  size_t size_ = 0;
  size_t given_ = 0;
};

class HashingSource final : public ByteSource {
 public:
  explicit HashingSource(ByteSource& next) : next_(next) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    ASSIGN_OR_RETURN(size_t count, next_.Read(buffer));
    hasher_.Update(buffer.first(count));
    return count;
  }
  Digest digest() { return hasher_.Finish(); }

 private:
  ByteSource& next_;
  Hasher hasher_;
};

Result<LayerApplySummary> Apply(const Descriptor& layer, const Digest& diff_id,
                                const BlobStore& store, int root,
                                const LayerApplyOptions& options) {
  // A media type that is no layer's is refused, but how it is compressed the
  // bytes know better: many registries hold layers that are not what they are
  // said to be, and all other tools look at the bytes.
  RETURN_IF_ERROR(LayerCompression(layer.media_type));
  // The store vouches for the blob's digest.
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> blob, store.Open(layer));
  PeekedSource peeked(*blob);
  ASSIGN_OR_RETURN(std::span<const std::byte> head, peeked.Peek());
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> tar,
                   NewDecompressor(DetectCompression(head), peeked));
  // Making files keeps one core busy in the kernel, the rest another one here.
  HashingSource hashing(*tar);
  LayerApplySummary summary;
  {
    ReadAheadSource ahead(hashing);
    ASSIGN_OR_RETURN(summary, ApplyLayer(ahead, root, options));
  }
  if (diff_id.empty()) return summary;
  Digest seen = hashing.digest();
  if (seen == diff_id) return summary;
  return Corrupt("its diff ID should be " + diff_id.ToString() + ", but is " +
                 seen.ToString());
}

}  // namespace

Result<LayerBlob> WriteLayerBlob(std::span<const Change> changes, int root,
                                 const CompressionOptions& compression,
                                 const LayerWriteOptions& options,
                                 const BlobStore& store) {
  LayerBlob layer;
  ASSIGN_OR_RETURN(
      layer.descriptor.media_type,
      LayerMediaType(compression.algorithm, MediaTypeFamily::kOci));
  ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> blob, store.Create());
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSink> compressor,
                   NewCompressor(compression, *blob));
  HashingSink tar(*compressor);
  ASSIGN_OR_RETURN(TarSummary written, WriteLayer(changes, root, tar, options));
  static_cast<void>(written);
  RETURN_IF_ERROR(compressor->Finish());
  layer.diff_id = tar.digest();
  layer.uncompressed_bytes = tar.size_bytes();
  ASSIGN_OR_RETURN(BlobInfo info, blob->Commit());
  layer.descriptor.digest = info.digest;
  layer.descriptor.size_bytes = info.size_bytes;
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
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> blob, store.Open(layer));
  PeekedSource peeked(*blob);
  ASSIGN_OR_RETURN(std::span<const std::byte> head, peeked.Peek());
  ASSIGN_OR_RETURN(std::unique_ptr<ByteSource> tar,
                   NewDecompressor(DetectCompression(head), peeked));
  HashingSource hashing(*tar);
  NullSink nowhere;
  RETURN_IF_ERROR(CopyAll(hashing, nowhere));
  return hashing.digest();
}

}  // namespace strake::oci
