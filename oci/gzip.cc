// Layers are mostly compressed once and read many times by others, but a build
// waits for the first: zlib at its default level does some 30 MB/s a core,
// less than everything else a build does to a byte. So the input is cut into
// blocks of 1 MiB, which are compressed independently and in parallel.
//
// Levels 1-3 (the default is 1) are ISA-L's. Each block ends with a full flush,
// so that the blocks stand side by side in *one* gzip member, whose CRC is
// combined from the blocks'. Levels 4-9 are libdeflate's, which has zlib's
// ratio at twice its speed but can only write whole deflate streams: there each
// block is a member of its own. Readers of RFC 1952 take several members for
// one file (zlib, Go, Python's gzip module, libarchive, GNU gzip, pigz are
// tested), and eStargz layers have been such files for years. One that is known
// not to is the stream mode of Python's tarfile. To join libdeflate's streams
// within one member, their blocks would have to be walked to find the last
// one's header, and to be shifted by bits where a stream ends within a byte.
//
// Measured on one core, 400 MB of a Debian tree: ISA-L 1/2/3: 350/310/270 MB/s
// for ratios .431/.425/.419; libdeflate 4/6/9: 76/53/13 MB/s for
// .383/.373/.367. Cutting into blocks of 1 MiB costs under 0.5 %.
//
// Equal input gives equal bytes on every machine of one CPU architecture;
// ISA-L hashes differently on others. Diff IDs are never affected.

#include "oci/gzip.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "oci/block_pipeline.h"
#include "util/c_handle.h"
#include "util/result_macros.h"

namespace strake::oci {
namespace {

constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr int kDefaultLevel = 1;
constexpr int kDefaultMemberLevel = 4;
constexpr int kLastIsalLevel = 3;
constexpr size_t kReadBeyondBytes = 512;
constexpr size_t kTrailerBytes = 8;

// No name, no time, "unknown" operating system: nothing of this machine.
constexpr std::string_view kMemberHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);
// A final deflate block with fixed codes that holds nothing.
constexpr std::string_view kEmptyFinalBlock("\x03\x00", 2);

std::string LittleEndian32(uint32_t value) {
  std::string bytes;
  for (int shift = 0; shift < 32; shift += 8) {
    bytes += static_cast<char>(value >> shift & 0xff);
  }
  return bytes;
}

std::string MemberTrailer(uint32_t crc, uint64_t size_bytes) {
  return LittleEndian32(crc) +
         LittleEndian32(static_cast<uint32_t>(size_bytes));
}

uint8_t* Bytes(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}

// A larger string is left as it is: to fill it anew for every block shows.
void EnsureSize(std::string& text, size_t size) {
  if (text.size() < size) text.resize(size);
}

class IsalBlockCompressor final : public BlockCompressor {
 public:
  explicit IsalBlockCompressor(int level) : level_(level) {
    constexpr std::array<uint32_t, 4> kBufferBytes = {
        0, ISAL_DEF_LVL1_EXTRA_LARGE, ISAL_DEF_LVL2_EXTRA_LARGE,
        ISAL_DEF_LVL3_EXTRA_LARGE};
    buffer_.resize(kBufferBytes[static_cast<size_t>(level)]);
  }

  void Compress(Block& block) override {
    // Incompressible data is stored, with 5 bytes for every 64 KiB.
    EnsureSize(block.buffer,
               block.input.size() + block.input.size() / 1024 + 1024);
    // The init function of ISA-L leaves parts of the state as they are (the
    // window size among them), which then decide what comes out.
    isal_zstream& stream = *stream_;
    std::memset(&stream, 0, sizeof stream);
    // Nor may what an earlier block left decide it: in the tables, or behind
    // the input, which ISA-L reads some bytes beyond.
    std::ranges::fill(buffer_, uint8_t{0});
    const size_t input_bytes = block.input.size();
    block.input.append(kReadBeyondBytes, '\0');
    block.input.resize(input_bytes);
    isal_deflate_stateless_init(&stream);
    stream.level = static_cast<uint32_t>(level_);
    stream.level_buf = buffer_.data();
    stream.level_buf_size = static_cast<uint32_t>(buffer_.size());
    stream.flush = FULL_FLUSH;
    stream.end_of_stream = 0;
    stream.next_in = Bytes(block.input);
    stream.avail_in = static_cast<uint32_t>(block.input.size());
    stream.next_out = Bytes(block.buffer);
    stream.avail_out = static_cast<uint32_t>(block.buffer.size());
    int result = isal_deflate_stateless(&stream);
    if (result != COMP_OK || stream.avail_in != 0) {
      block.status = Internal("ISA-L failed to compress a block: error " +
                              std::to_string(result));
      return;
    }
    block.output = std::string_view(block.buffer).substr(0, stream.total_out);
    block.crc32 = crc32_gzip_refl(0, Bytes(block.input), block.input.size());
  }

 private:
  int level_;
  std::vector<uint8_t> buffer_;
  std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
};

class LibdeflateBlockCompressor final : public BlockCompressor {
 public:
  explicit LibdeflateBlockCompressor(int level)
      : compressor_(libdeflate_alloc_compressor(level)) {}

  void Compress(Block& block) override {
    if (!compressor_) {
      block.status = IoError("libdeflate: out of memory");
      return;
    }
    // The deflate stream only: libdeflate's own gzip header differs between
    // its versions.
    libdeflate_compressor* c = compressor_.get();
    constexpr size_t kHeaderBytes = kMemberHeader.size();
    EnsureSize(block.buffer,
               kHeaderBytes + kTrailerBytes +
                   libdeflate_deflate_compress_bound(c, block.input.size()));
    kMemberHeader.copy(block.buffer.data(), kHeaderBytes);
    size_t size = libdeflate_deflate_compress(
        c, block.input.data(), block.input.size(),
        block.buffer.data() + kHeaderBytes,
        block.buffer.size() - kHeaderBytes - kTrailerBytes);
    if (size == 0) {
      block.status = Internal("libdeflate failed to compress a block");
      return;
    }
    block.crc32 = libdeflate_crc32(0, block.input.data(), block.input.size());
    MemberTrailer(block.crc32, block.input.size())
        .copy(block.buffer.data() + kHeaderBytes + size, kTrailerBytes);
    block.output = std::string_view(block.buffer)
                       .substr(0, kHeaderBytes + size + kTrailerBytes);
  }

 private:
  std::unique_ptr<libdeflate_compressor, FreeWith<libdeflate_free_compressor>>
      compressor_;
};

class GzipSink final : public ByteSink {
 public:
  GzipSink(int level, int threads, ByteSink& out)
      : one_member_(level <= kLastIsalLevel),
        out_(out),
        pipeline_(
            // One block a thread under way and one in reserve keep it busy.
            threads, 2 * kBlockBytes,
            [level]() -> std::unique_ptr<BlockCompressor> {
              if (level <= kLastIsalLevel) {
                return std::make_unique<IsalBlockCompressor>(level);
              }
              return std::make_unique<LibdeflateBlockCompressor>(level);
            },
            [this](const Block& block) { return Emit(block); }) {
    pending_.reserve(kBlockBytes + kReadBeyondBytes);
  }

  Status Write(std::span<const std::byte> data) override {
    std::string_view rest(reinterpret_cast<const char*>(data.data()),
                          data.size());
    while (!rest.empty()) {
      size_t taken = std::min(rest.size(), kBlockBytes - pending_.size());
      pending_ += rest.substr(0, taken);
      rest.remove_prefix(taken);
      if (pending_.size() == kBlockBytes) RETURN_IF_ERROR(PushPending());
    }
    return {};
  }

  Status Finish() override {
    // A file without any member is no gzip file.
    bool nothing = input_bytes_ == 0 && pending_.empty();
    if (!pending_.empty() || (nothing && !one_member_)) {
      RETURN_IF_ERROR(PushPending());
    }
    RETURN_IF_ERROR(pipeline_.Drain());
    if (!one_member_) return {};
    RETURN_IF_ERROR(BeginMember());
    RETURN_IF_ERROR(out_.Write(kEmptyFinalBlock));
    return out_.Write(MemberTrailer(crc_, input_bytes_));
  }

 private:
  Status PushPending() {
    RETURN_IF_ERROR(pipeline_.Push(pending_));
    pending_.reserve(kBlockBytes + kReadBeyondBytes);
    return {};
  }

  Status Emit(const Block& block) {
    if (one_member_) RETURN_IF_ERROR(BeginMember());
    RETURN_IF_ERROR(out_.Write(block.output));
    crc_ = static_cast<uint32_t>(::crc32_combine(
        crc_, block.crc32, static_cast<z_off_t>(block.input.size())));
    input_bytes_ += block.input.size();
    return {};
  }

  Status BeginMember() {
    if (std::exchange(member_begun_, true)) return {};
    return out_.Write(kMemberHeader);
  }

  const bool one_member_;
  ByteSink& out_;
  std::string pending_;  // less than a block
  bool member_begun_ = false;
  uint32_t crc_ = 0;
  uint64_t input_bytes_ = 0;
  BlockPipeline pipeline_;  // last: it calls `Emit`
};

class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(ByteSource& in)
      : in_(in),
        buffer_(kStreamBufferBytes),
        state_(std::make_unique<inflate_state>()) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return size_t{0};
    size_t wanted = std::min(buffer.size(), size_t{1} << 30);
    while (true) {
      RETURN_IF_ERROR(Fill());
      if (!in_member_) {
        ASSIGN_OR_RETURN(bool more, BeginMember());
        if (!more) return size_t{0};
      }
      bool starved = state_->avail_in == 0;
      state_->next_out = reinterpret_cast<uint8_t*>(buffer.data());
      state_->avail_out = static_cast<uint32_t>(wanted);
      RETURN_IF_ERROR(Inflate());
      size_t produced = wanted - state_->avail_out;
      if (state_->block_state == ISAL_BLOCK_FINISH) {
        in_member_ = false;
      } else if (produced == 0 && starved && end_of_input_) {
        return Corrupt("gzip stream: it ends in the middle");
      }
      if (produced > 0) return produced;
    }
  }

 private:
  Status Fill() {
    if (state_->avail_in > 0 || end_of_input_) return {};
    ASSIGN_OR_RETURN(size_t size, in_.Read(buffer_));
    end_of_input_ = size == 0;
    state_->next_in = reinterpret_cast<uint8_t*>(buffer_.data());
    state_->avail_in = static_cast<uint32_t>(size);
    return {};
  }

  // False at the end of the file. Zeros after a member are padding (GNU gzip,
  // and tapes); anything else must be another member.
  Result<bool> BeginMember() {
    while (members_ > 0 && !end_of_input_ && *state_->next_in == 0) {
      padded_ = true;
      ++state_->next_in;
      --state_->avail_in;
      RETURN_IF_ERROR(Fill());
    }
    if (end_of_input_) {
      if (members_ > 0) return false;
      return Corrupt("gzip stream: it is empty");
    }
    constexpr uint8_t kFirstMagicByte = 0x1f;
    if (padded_ || (members_ > 0 && *state_->next_in != kFirstMagicByte)) {
      return Corrupt("gzip stream: something else follows its end");
    }
    RETURN_IF_ERROR(SkipHeader());
    uint8_t* next = state_->next_in;
    uint32_t available = state_->avail_in;
    std::memset(state_.get(), 0, sizeof *state_);
    isal_inflate_init(state_.get());
    // ISA-L's own header parser stumbles over header checksums.
    state_->crc_flag = ISAL_GZIP_NO_HDR_VER;
    state_->next_in = next;
    state_->avail_in = available;
    ++members_;
    in_member_ = true;
    return true;
  }

  // RFC 1952, 2.3.
  Status SkipHeader() {
    enum Flag { kChecksum = 2, kExtra = 4, kName = 8, kComment = 16 };
    constexpr int kReservedFlags = 0xe0;
    header_crc_ = 0;
    std::array<uint8_t, 10> fixed;
    for (uint8_t& byte : fixed) {
      ASSIGN_OR_RETURN(byte, HeaderByte());
    }
    int flags = fixed[3];
    if (fixed[0] != 0x1f || fixed[1] != 0x8b || fixed[2] != 8 ||
        (flags & kReservedFlags) != 0) {
      return Corrupt("gzip stream: this is no gzip header");
    }
    if (flags & kExtra) {
      ASSIGN_OR_RETURN(unsigned low, HeaderByte());
      ASSIGN_OR_RETURN(unsigned high, HeaderByte());
      for (unsigned i = low + 256 * high; i > 0; --i) {
        RETURN_IF_ERROR(HeaderByte());
      }
    }
    for (Flag text : {kName, kComment}) {
      unsigned byte = flags & text;
      while (byte != 0) {
        ASSIGN_OR_RETURN(byte, HeaderByte());
      }
    }
    if (flags & kChecksum) {
      uint32_t expected = header_crc_ & 0xffff;
      ASSIGN_OR_RETURN(unsigned low, HeaderByte());
      ASSIGN_OR_RETURN(unsigned high, HeaderByte());
      if (low + 256 * high != expected) {
        return Corrupt("gzip stream: its header's checksum is wrong");
      }
    }
    return {};
  }

  Result<uint8_t> HeaderByte() {
    RETURN_IF_ERROR(Fill());
    if (state_->avail_in == 0) {
      return Corrupt("gzip stream: it ends in the middle");
    }
    uint8_t byte = *state_->next_in++;
    --state_->avail_in;
    header_crc_ = crc32_gzip_refl(header_crc_, &byte, 1);
    return byte;
  }

  Status Inflate() {
    switch (isal_inflate(state_.get())) {
      case ISAL_DECOMP_OK:
      case ISAL_END_INPUT:
        return {};
      case ISAL_INCORRECT_CHECKSUM:
        return Corrupt("gzip stream: its checksum or length is wrong");
      default:
        return Corrupt("gzip stream: its data is damaged");
    }
  }

  ByteSource& in_;
  std::vector<std::byte> buffer_;
  std::unique_ptr<inflate_state> state_;
  bool end_of_input_ = false;
  bool in_member_ = false;
  bool padded_ = false;
  uint32_t header_crc_ = 0;
  uint64_t members_ = 0;
};

Status CheckLevel(int level) {
  if (level >= 1 && level <= 9) return {};
  return InvalidArgument("gzip has no compression level " +
                         std::to_string(level) + ": use 1 to 9");
}

}  // namespace

Result<std::unique_ptr<ByteSink>> NewGzipCompressor(int level, int threads,
                                                    ByteSink& out) {
  if (level == -1) level = kDefaultLevel;
  RETURN_IF_ERROR(CheckLevel(level));
  return std::unique_ptr<ByteSink>(
      std::make_unique<GzipSink>(level, threads, out));
}

Result<std::unique_ptr<BlockCompressor>> NewGzipMemberCompressor(int level) {
  if (level == -1) level = kDefaultMemberLevel;
  RETURN_IF_ERROR(CheckLevel(level));
  return std::unique_ptr<BlockCompressor>(
      std::make_unique<LibdeflateBlockCompressor>(level));
}

std::unique_ptr<ByteSource> NewGzipDecompressor(ByteSource& in) {
  return std::make_unique<GzipSource>(in);
}

}  // namespace strake::oci
