// How near the packing of layers comes to what its stages would allow.
//
// Each benchmark packs a tree into a blob store, and measures in turns with
// that, in the same process and on the very bytes, what each stage costs alone
// (stage_floors.h). The ceiling of the pipeline is those costs added and spread
// over the threads; `share_%` is how much of it is reached, both by their best
// round. With one thread, which does all the work, processor time is compared:
// what else the machine does is not to be seen in it. With two, wall time: it
// has to be quiet then. `read_MB/s` ... `write_MB/s` are the stages by bytes of
// the tar, `digest` and `write` too, though they see the blob only.

#include <benchmark/benchmark.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "bench/packing_trees.h"
#include "bench/scratch_directory.h"
#include "bench/stage_floors.h"
#include "oci/layer_blob.h"
#include "oci/layer_writer.h"

namespace strake::bench {
namespace {

constexpr double kMega = 1e6;
constexpr double kPercent = 100;

double Now(clockid_t clock) {
  struct timespec now = {};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) +
         static_cast<double>(now.tv_nsec) / 1e9;
}

std::string TarOf(const PackingTree& tree) {
  MemorySink sink;
  (void)oci::WriteLayer(tree.changes, tree.directory.fd(), sink);
  return sink.Take();
}

struct PackSeconds {
  double wall = 1e9;
  double cpu = 1e9;  // of all threads
};

// One layer into `store`, and out of it again.
PackSeconds PackOnce(const PackingTree& tree,
                     const oci::CompressionOptions& compression,
                     const oci::BlobStore& store, benchmark::State& state) {
  double wall = Now(CLOCK_MONOTONIC);
  double cpu = Now(CLOCK_PROCESS_CPUTIME_ID);
  auto layer = oci::WriteLayerBlob(tree.changes, tree.directory.fd(),
                                   compression, {}, store);
  PackSeconds seconds{Now(CLOCK_MONOTONIC) - wall,
                      Now(CLOCK_PROCESS_CPUTIME_ID) - cpu};
  if (!layer) {
    state.SkipWithError(layer.error().message().c_str());
  } else {
    (void)store.Remove(layer->descriptor.digest);
  }
  return seconds;
}

void Report(benchmark::State& state, double tar_bytes,
            const StageSeconds& floor, const PackSeconds& best, int threads,
            double ratio) {
  const double ceiling = floor.Ceiling(threads);
  const double reached = threads == 1 ? best.cpu : best.wall;
  auto speed = [&](double seconds) {
    return seconds > 0 ? tar_bytes / kMega / seconds : 0;
  };
  state.counters["share_%"] = kPercent * ceiling / reached;
  state.counters["cpu_share_%"] = kPercent * floor.Sum() / best.cpu;
  state.counters["MB/s"] = speed(reached);
  state.counters["ceiling_MB/s"] = speed(ceiling);
  state.counters["read_MB/s"] = speed(floor.read);
  state.counters["diff_id_MB/s"] = speed(floor.diff_id);
  state.counters["compress_MB/s"] = speed(floor.compress);
  state.counters["digest_MB/s"] = speed(floor.digest);
  state.counters["write_MB/s"] = speed(floor.write);
  state.counters["ratio"] = ratio;
}

// `threads` busy at once: the calling one, and from two on as many others to
// compress, which leave a processor to it where it needs one.
void BM_Pipeline(benchmark::State& state, TreeKind kind,
                 oci::Compression algorithm, int level, int threads) {
  const PackingTree& tree = TreeOf(kind);
  ScratchDirectory directory;
  auto store = oci::BlobStore::Open(directory.path());
  oci::CompressionOptions compression;
  compression.algorithm = algorithm;
  compression.level = level;
  compression.threads = threads == 1 ? 0 : threads;
  std::string tar = TarOf(tree);
  const double tar_bytes = static_cast<double>(tar.size());
  StageFloors floors(tree.changes, tree.directory.fd(), std::move(tar),
                     compression, directory.fd());
  StageSeconds floor = floors.Measure();
  PackSeconds best;
  for (auto _ : state) {
    floor.Improve(floors.Measure());
    PackSeconds seconds = PackOnce(tree, compression, *store, state);
    state.SetIterationTime(seconds.wall);
    best.wall = std::min(best.wall, seconds.wall);
    best.cpu = std::min(best.cpu, seconds.cpu);
  }
  Report(state, tar_bytes, floor, best, threads, floors.ratio());
}

struct Form {
  std::string name;
  oci::Compression algorithm = oci::Compression::kGzip;
  int level = -1;
};

// All trees in all forms with 1 and 2 threads.
[[maybe_unused]] const bool kRegistered = [] {
  const Form forms[] = {{"none", oci::Compression::kNone, -1},
                        {"gzip-1", oci::Compression::kGzip, 1},
                        {"gzip-6", oci::Compression::kGzip, 6},
                        {"zstd-1", oci::Compression::kZstd, 1},
                        {"zstd-3", oci::Compression::kZstd, 3}};
  constexpr TreeKind kKinds[] = {TreeKind::kSmallFiles, TreeKind::kLargeFiles,
                                 TreeKind::kBinary,     TreeKind::kText,
                                 TreeKind::kSparse,     TreeKind::kCompressed};
  constexpr int kRounds = 5;
  for (const Form& form : forms) {
    for (TreeKind kind : kKinds) {
      for (int threads : {1, 2}) {
        std::string name = "BM_Pipeline/" + form.name + "/" +
                           std::string(NameOf(kind)) +
                           "/threads:" + std::to_string(threads);
        benchmark::RegisterBenchmark(
            name.c_str(),
            [kind, threads, algorithm = form.algorithm,
             level = form.level](benchmark::State& state) {
              BM_Pipeline(state, kind, algorithm, level, threads);
            })
            ->Iterations(kRounds)
            ->UseManualTime()
            ->Unit(benchmark::kMillisecond);
      }
    }
  }
  return true;
}();

}  // namespace
}  // namespace strake::bench
