// Where to cut: a rolling hash of the last bytes (a "gear" hash: shift, add a
// number for the byte) is looked at after each byte; where its upper bits are
// all zero, a piece ends. So a change moves the cuts near to it, and no others.
#include "builder/mount_archive.h"

#include <fcntl.h>

#include <array>
#include <span>
#include <utility>
#include <vector>

#include "builder/snapshot/tree_diff.h"
#include "oci/compressor.h"
#include "oci/layer_writer.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

constexpr size_t kFewestBytes = size_t{256} << 10;
constexpr size_t kMostBytes = size_t{4} << 20;
// A cut once in a megabyte.
constexpr uint64_t kCutMask = ~uint64_t{0} << 44;

// A number for each byte: any will do that has as many ones as zeros.
constexpr std::array<uint64_t, 256> MakeGear() {
  std::array<uint64_t, 256> gear{};
  uint64_t state = 0x7374'7261'6b65'2d31;
  for (uint64_t& number : gear) {
    state += 0x9e37'79b9'7f4a'7c15;
    uint64_t mixed = state;
    mixed = (mixed ^ (mixed >> 30)) * 0xbf58'476d'1ce4'e5b9;
    mixed = (mixed ^ (mixed >> 27)) * 0x94d0'49bb'1331'11eb;
    number = mixed ^ (mixed >> 31);
  }
  return gear;
}
constexpr std::array<uint64_t, 256> kGear = MakeGear();

// Cuts what is written, and stores the pieces.
class PieceSink final : public ByteSink {
 public:
  PieceSink(const oci::BlobStore& blobs, uint64_t most_bytes)
      : blobs_(blobs), most_bytes_(most_bytes) {}

  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    mount_.size_bytes += data.size();
    if (mount_.size_bytes > most_bytes_) {
      return Unsupported("it has more than " + HumanBytes(most_bytes_));
    }
    for (std::byte byte : data) {
      piece_.push_back(byte);
      hash_ = (hash_ << 1) + kGear[static_cast<size_t>(byte)];
      const bool is_cut =
          (hash_ & kCutMask) == 0 && piece_.size() >= kFewestBytes;
      if (is_cut || piece_.size() >= kMostBytes) RETURN_IF_ERROR(Cut());
    }
    return {};
  }

  Status Finish() override { return piece_.empty() ? Status() : Cut(); }

  cache::PortableMount Take() { return std::move(mount_); }

 private:
  Status Cut() {
    MemorySink packed;
    oci::CompressionOptions options;
    options.algorithm = oci::Compression::kZstd;
    ASSIGN_OR_RETURN(std::unique_ptr<ByteSink> compressor,
                     oci::NewCompressor(options, packed));
    RETURN_IF_ERROR(compressor->Write(piece_));
    RETURN_IF_ERROR(compressor->Finish());
    ASSIGN_OR_RETURN(oci::Descriptor blob,
                     blobs_.Put(packed.bytes(), cache::kMediaTypeMountPiece));
    mount_.pieces.push_back(std::move(blob));
    piece_.clear();
    hash_ = 0;
    return {};
  }

  const oci::BlobStore& blobs_;
  const uint64_t most_bytes_;
  std::vector<std::byte> piece_;
  uint64_t hash_ = 0;
  cache::PortableMount mount_;
};

// The pieces, one after the other.
class PieceSource final : public ByteSource {
 public:
  PieceSource(const cache::PortableMount& mount, const oci::BlobStore& blobs,
              const std::function<Status(const oci::Descriptor&)>& fetch)
      : mount_(mount), blobs_(blobs), fetch_(fetch) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    while (true) {
      if (piece_) {
        ASSIGN_OR_RETURN(const size_t count, piece_->Read(buffer));
        if (count > 0 || buffer.empty()) return count;
        piece_.reset();
      }
      if (next_ == mount_.pieces.size()) return size_t{0};
      RETURN_IF_ERROR(OpenNext());
    }
  }

 private:
  Status OpenNext() {
    const oci::Descriptor& blob = mount_.pieces[next_++];
    if (!blobs_.Contains(blob.digest)) RETURN_IF_ERROR(fetch_(blob));
    ASSIGN_OR_RETURN(packed_, blobs_.Open(blob));
    ASSIGN_OR_RETURN(piece_,
                     oci::NewDecompressor(oci::Compression::kZstd, *packed_));
    return {};
  }

  const cache::PortableMount& mount_;
  const oci::BlobStore& blobs_;
  const std::function<Status(const oci::Descriptor&)>& fetch_;
  size_t next_ = 0;
  std::unique_ptr<ByteSource> packed_;
  std::unique_ptr<ByteSource> piece_;  // of `packed_`
};

}  // namespace

Result<cache::PortableMount> PackMount(const std::string& folder,
                                       const OwnershipJournal& owners,
                                       uint64_t most_bytes,
                                       const oci::BlobStore& blobs) {
  ASSIGN_OR_RETURN(UniqueFd root,
                   OpenFile(folder.c_str(), O_RDONLY | O_DIRECTORY));
  // Everything in it is new over nothing.
  const OwnershipJournal nothing;
  ASSIGN_OR_RETURN(
      std::vector<oci::Change> changes,
      snapshot::DiffTrees({root.get(), owners}, {-1, nothing}, {}));
  PieceSink sink(blobs, most_bytes);
  ASSIGN_OR_RETURN(auto summary, oci::WriteLayer(changes, root.get(), sink));
  (void)summary;
  RETURN_IF_ERROR(sink.Finish());
  return sink.Take();
}

Status UnpackMount(const cache::PortableMount& mount, int folder,
                   const oci::LayerApplyOptions& options,
                   const oci::BlobStore& blobs,
                   const std::function<Status(const oci::Descriptor&)>& fetch) {
  PieceSource tar(mount, blobs, fetch);
  auto applied = oci::ApplyLayer(tar, folder, options);
  if (!applied) return std::move(applied).error();
  return {};
}

}  // namespace strake::builder
