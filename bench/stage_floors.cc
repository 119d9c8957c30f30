#include "bench/stage_floors.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <libdeflate.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "util/byte_stream.h"
#include "util/c_handle.h"
#include "util/unique_fd.h"

namespace strake::bench {
namespace {

using EvpMdCtx = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using ZstdCCtx = std::unique_ptr<ZSTD_CCtx, FreeWith<ZSTD_freeCCtx>>;
using Deflater = std::unique_ptr<libdeflate_compressor,
                                 FreeWith<libdeflate_free_compressor>>;

constexpr size_t kBlockBytes = size_t{1} << 20;
constexpr int kLastIsalLevel = 3;

double ThreadSeconds() {
  struct timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) / 1e9;
}

template <typename Work>
double SecondsOf(Work&& work) {
  double begin = ThreadSeconds();
  work();
  return ThreadSeconds() - begin;
}

uint8_t* Bytes(std::string& text) {
  return reinterpret_cast<uint8_t*>(text.data());
}

void Hash(std::string_view data) {
  EvpMdCtx context(EVP_MD_CTX_new());
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  for (size_t at = 0; at < data.size(); at += kStreamBufferBytes) {
    std::string_view piece = data.substr(at, kStreamBufferBytes);
    EVP_DigestUpdate(context.get(), piece.data(), piece.size());
  }
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  EVP_DigestFinal_ex(context.get(), digest.data(), nullptr);
}

void ReadData(int fd, uint64_t size, std::string& buffer) {
  off_t end = 0;
  while (static_cast<uint64_t>(end) < size) {
    off_t begin = ::lseek(fd, end, SEEK_DATA);
    if (begin < 0) return;
    end = ::lseek(fd, begin, SEEK_HOLE);
    while (begin < end) {
      ssize_t count = ::pread(fd, buffer.data(), buffer.size(), begin);
      if (count <= 0) return;
      begin += count;
    }
  }
}

void ReadFiles(std::span<const oci::Change> changes, int root,
               std::string& buffer) {
  for (const oci::Change& change : changes) {
    if (!S_ISREG(change.metadata.mode)) continue;
    UniqueFd fd(::openat(root, change.path.c_str(), O_RDONLY | O_CLOEXEC));
    ReadData(fd.get(), change.metadata.size_bytes, buffer);
  }
}

// All of `input`, whose blocks are compressed one by one, to `output`.
void CompressIsal(std::string& input, int level, std::string& output) {
  constexpr std::array<uint32_t, 4> kBufferBytes = {
      0, ISAL_DEF_LVL1_EXTRA_LARGE, ISAL_DEF_LVL2_EXTRA_LARGE,
      ISAL_DEF_LVL3_EXTRA_LARGE};
  std::vector<uint8_t> buffer(kBufferBytes[static_cast<size_t>(level)]);
  auto stream = std::make_unique<isal_zstream>();
  size_t produced = 0;
  for (size_t at = 0; at < input.size(); at += kBlockBytes) {
    const size_t size = std::min(kBlockBytes, input.size() - at);
    isal_deflate_stateless_init(stream.get());
    stream->level = static_cast<uint32_t>(level);
    stream->level_buf = buffer.data();
    stream->level_buf_size = static_cast<uint32_t>(buffer.size());
    stream->flush = FULL_FLUSH;
    stream->next_in = Bytes(input) + at;
    stream->avail_in = static_cast<uint32_t>(size);
    stream->next_out = Bytes(output) + produced;
    stream->avail_out = static_cast<uint32_t>(output.size() - produced);
    isal_deflate_stateless(stream.get());
    produced += stream->total_out;
    crc32_gzip_refl(0, Bytes(input) + at, size);
  }
  output.resize(produced);
}

void CompressLibdeflate(std::string& input, int level, std::string& output) {
  Deflater deflater(libdeflate_alloc_compressor(level));
  size_t produced = 0;
  for (size_t at = 0; at < input.size(); at += kBlockBytes) {
    const size_t size = std::min(kBlockBytes, input.size() - at);
    produced += libdeflate_deflate_compress(deflater.get(), input.data() + at,
                                            size, output.data() + produced,
                                            output.size() - produced);
    libdeflate_crc32(0, input.data() + at, size);
  }
  output.resize(produced);
}

void CompressZstd(std::string& input, int level, std::string& output) {
  ZstdCCtx context(ZSTD_createCCtx());
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  output.resize(ZSTD_compress2(context.get(), output.data(), output.size(),
                               input.data(), input.size()));
}

// As `oci::NewCompressor` does; `output` has room enough.
void Compress(std::string& input, const oci::CompressionOptions& options,
              std::string& output) {
  switch (options.algorithm) {
    case oci::Compression::kNone:
      return;
    case oci::Compression::kGzip:
      return options.level <= kLastIsalLevel
                 ? CompressIsal(input, options.level, output)
                 : CompressLibdeflate(input, options.level, output);
    case oci::Compression::kZstd:
      return CompressZstd(input, options.level, output);
  }
}

constexpr const char* kBlobName = "floor";

void WriteBlob(int directory, std::string_view data) {
  UniqueFd fd(
      ::openat(directory, kBlobName, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  for (size_t at = 0; at < data.size(); at += kStreamBufferBytes) {
    std::string_view piece = data.substr(at, kStreamBufferBytes);
    (void)WriteFully(fd.get(), std::as_bytes(std::span(piece)));
  }
}

}  // namespace

double StageSeconds::Ceiling(int threads) const {
  return std::max({Sum() / threads, read, diff_id, digest, write});
}

void StageSeconds::Improve(const StageSeconds& other) {
  read = std::min(read, other.read);
  diff_id = std::min(diff_id, other.diff_id);
  compress = std::min(compress, other.compress);
  digest = std::min(digest, other.digest);
  write = std::min(write, other.write);
}

struct StageFloors::State {
  std::span<const oci::Change> changes;
  int root = -1;
  std::string tar;
  oci::CompressionOptions compression;
  int directory = -1;
  std::string buffer = std::string(kStreamBufferBytes, '\0');
  std::string blob;
};

StageFloors::StageFloors(std::span<const oci::Change> changes, int root,
                         std::string tar,
                         const oci::CompressionOptions& compression,
                         int directory)
    : state_(std::make_unique<State>()) {
  state_->changes = changes;
  state_->root = root;
  state_->tar = std::move(tar);
  state_->compression = compression;
  state_->directory = directory;
}

StageFloors::~StageFloors() = default;

StageSeconds StageFloors::Measure() {
  State& s = *state_;
  const bool plain = s.compression.algorithm == oci::Compression::kNone;
  s.blob.resize(s.tar.size() + s.tar.size() / 64 + kBlockBytes);
  StageSeconds seconds;
  seconds.read = SecondsOf([&] { ReadFiles(s.changes, s.root, s.buffer); });
  seconds.diff_id = SecondsOf([&] { Hash(s.tar); });
  seconds.compress = SecondsOf([&] { Compress(s.tar, s.compression, s.blob); });
  if (plain) s.blob.resize(s.tar.size());
  if (!plain) seconds.digest = SecondsOf([&] { Hash(s.blob); });
  seconds.write = SecondsOf([&] { WriteBlob(s.directory, s.blob); });
  ::unlinkat(s.directory, kBlobName, 0);
  return seconds;
}

double StageFloors::ratio() const {
  return static_cast<double>(state_->blob.size()) /
         static_cast<double>(state_->tar.size());
}

}  // namespace strake::bench
