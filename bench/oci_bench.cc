// Layers: written, hashed, compressed, decompressed and unpacked. The input is
// a generated tree with the file sizes and the kind of content of a Debian
// root file system: many small texts, some larger binaries.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bench/sample_content.h"
#include "bench/scratch_directory.h"
#include "oci/compressor.h"
#include "oci/layer_applier.h"
#include "oci/layer_blob.h"
#include "oci/layer_writer.h"
#include "util/rooted_fs.h"

namespace strake::oci {
namespace {

constexpr int kDirectories = 400;
constexpr int kFiles = 5000;

using bench::Code;
using bench::ScratchDirectory;
using bench::Words;

struct Tree {
  ScratchDirectory directory;
  std::vector<Change> changes;
  uint64_t content_bytes = 0;
};

Change MakeChange(const std::string& path, uint32_t mode) {
  Change change;
  change.path = path;
  change.metadata.mode = mode;
  change.metadata.mtime = std::chrono::nanoseconds(1'700'000'000'123'456'789);
  return change;
}

const Tree& SampleTree() {
  static const Tree* tree = [] {
    auto* made = new Tree;
    std::mt19937 random(7);
    for (int d = 0; d < kDirectories; ++d) {
      char name[32];
      std::snprintf(name, sizeof name, "dir-%04d", d);
      ::mkdirat(made->directory.fd(), name, 0755);
      made->changes.push_back(MakeChange(name, S_IFDIR | 0755));
      for (int f = 0; f < kFiles / kDirectories; ++f) {
        // Median 3 KiB, a tenth above 40 KiB.
        double exponent = std::normal_distribution<double>(8.0, 2.0)(random);
        size_t size =
            static_cast<size_t>(std::min(std::exp(exponent), double{4 << 20}));
        std::string content =
            size > 20000 ? Code(random, size) : Words(random, size);
        char path[64];
        std::snprintf(path, sizeof path, "%s/file-%04d", name, f);
        UniqueFd fd(::openat(made->directory.fd(), path,
                             O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
        (void)WriteFully(fd.get(), std::as_bytes(std::span(content)));
        Change change = MakeChange(path, S_IFREG | 0644);
        change.metadata.size_bytes = size;
        made->content_bytes += size;
        made->changes.push_back(std::move(change));
      }
    }
    return made;
  }();
  return *tree;
}

const std::string& SampleTar() {
  static const std::string tar = [] {
    MemorySink sink;
    (void)WriteLayer(SampleTree().changes, SampleTree().directory.fd(), sink);
    return sink.Take();
  }();
  return tar;
}

std::string Compressed(Compression algorithm, int level) {
  MemorySink sink;
  CompressionOptions options;
  options.algorithm = algorithm;
  options.level = level;
  options.threads = 2;
  auto compressor = NewCompressor(options, sink);
  (void)(*compressor)->Write(SampleTar());
  (void)(*compressor)->Finish();
  return sink.Take();
}

void SetTarBytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<int64_t>(SampleTar().size()) *
                          state.iterations());
}

void BM_Digest(benchmark::State& state) {
  const std::string& tar = SampleTar();
  for (auto _ : state) benchmark::DoNotOptimize(Digest::Of(tar));
  SetTarBytes(state);
}
BENCHMARK(BM_Digest)->Unit(benchmark::kMillisecond);

void BM_WriteLayer(benchmark::State& state) {
  const Tree& tree = SampleTree();
  for (auto _ : state) {
    NullSink sink;
    auto written = WriteLayer(tree.changes, tree.directory.fd(), sink);
    if (!written) state.SkipWithError(written.error().message().c_str());
  }
  SetTarBytes(state);
  state.counters["entries/s"] =
      benchmark::Counter(static_cast<double>(tree.changes.size()),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_WriteLayer)->Unit(benchmark::kMillisecond);

// Arguments: level, threads.
void BM_Compress(benchmark::State& state, Compression algorithm) {
  const std::string& tar = SampleTar();
  CompressionOptions options;
  options.algorithm = algorithm;
  options.level = static_cast<int>(state.range(0));
  options.threads = static_cast<int>(state.range(1));
  uint64_t compressed = 0;
  for (auto _ : state) {
    NullSink null;
    CountingSink counter(null);
    auto compressor = NewCompressor(options, counter);
    std::string_view rest = tar;
    while (!rest.empty()) {
      (void)(*compressor)->Write(rest.substr(0, kStreamBufferBytes));
      rest.remove_prefix(std::min(rest.size(), kStreamBufferBytes));
    }
    (void)(*compressor)->Finish();
    compressed = counter.bytes_written();
  }
  SetTarBytes(state);
  state.counters["ratio"] =
      static_cast<double>(compressed) / static_cast<double>(tar.size());
}
BENCHMARK_CAPTURE(BM_Compress, gzip, Compression::kGzip)
    ->Args({1, 0})
    ->Args({1, 2})
    ->Args({3, 0})
    ->Args({6, 0})
    ->Args({6, 2})
    ->Args({9, 2})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Compress, zstd, Compression::kZstd)
    ->Args({1, 0})
    ->Args({3, 0})
    ->Args({3, 2})
    ->Args({9, 2})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

// Argument: the level that the input was compressed with.
void BM_Decompress(benchmark::State& state, Compression algorithm) {
  std::string compressed =
      Compressed(algorithm, static_cast<int>(state.range(0)));
  for (auto _ : state) {
    MemorySource source(compressed);
    auto decompressor = NewDecompressor(algorithm, source);
    NullSink sink;
    auto copied = CopyAll(**decompressor, sink);
    if (!copied) state.SkipWithError(copied.error().message().c_str());
  }
  SetTarBytes(state);
}
BENCHMARK_CAPTURE(BM_Decompress, gzip, Compression::kGzip)
    ->Arg(1)
    ->Arg(6)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Decompress, zstd, Compression::kZstd)
    ->Arg(3)
    ->Unit(benchmark::kMillisecond);

void BM_ApplyLayer(benchmark::State& state) {
  const std::string& tar = SampleTar();
  for (auto _ : state) {
    state.PauseTiming();
    auto root = std::make_unique<ScratchDirectory>();
    state.ResumeTiming();
    MemorySource source(tar);
    auto applied = ApplyLayer(source, root->fd(), {});
    if (!applied) state.SkipWithError(applied.error().message().c_str());
    state.PauseTiming();
    root.reset();
    state.ResumeTiming();
  }
  SetTarBytes(state);
  state.counters["entries/s"] =
      benchmark::Counter(static_cast<double>(SampleTree().changes.size()),
                         benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(BM_ApplyLayer)->UseRealTime()->Unit(benchmark::kMillisecond);

// The whole pipeline into a store, and back out of it.
void BM_WriteLayerBlob(benchmark::State& state, Compression algorithm) {
  const Tree& tree = SampleTree();
  ScratchDirectory directory;
  auto store = BlobStore::Open(directory.path());
  CompressionOptions options;
  options.algorithm = algorithm;
  options.threads = static_cast<int>(state.range(0));
  for (auto _ : state) {
    auto layer =
        WriteLayerBlob(tree.changes, tree.directory.fd(), options, {}, *store);
    if (!layer) state.SkipWithError(layer.error().message().c_str());
    state.PauseTiming();
    if (layer) (void)store->Remove(layer->descriptor.digest);
    state.ResumeTiming();
  }
  SetTarBytes(state);
}
BENCHMARK_CAPTURE(BM_WriteLayerBlob, gzip, Compression::kGzip)
    ->Arg(0)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_WriteLayerBlob, zstd, Compression::kZstd)
    ->Arg(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

void BM_ApplyLayerBlob(benchmark::State& state, Compression algorithm) {
  const Tree& tree = SampleTree();
  ScratchDirectory directory;
  auto store = BlobStore::Open(directory.path());
  CompressionOptions options;
  options.algorithm = algorithm;
  auto layer =
      WriteLayerBlob(tree.changes, tree.directory.fd(), options, {}, *store);
  for (auto _ : state) {
    state.PauseTiming();
    auto root = std::make_unique<ScratchDirectory>();
    state.ResumeTiming();
    auto applied = ApplyLayerBlob(layer->descriptor, layer->diff_id, *store,
                                  root->fd(), {});
    if (!applied) state.SkipWithError(applied.error().message().c_str());
    state.PauseTiming();
    root.reset();
    state.ResumeTiming();
  }
  SetTarBytes(state);
}
BENCHMARK_CAPTURE(BM_ApplyLayerBlob, gzip, Compression::kGzip)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_ApplyLayerBlob, zstd, Compression::kZstd)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace strake::oci
