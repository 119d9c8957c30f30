// What `bench/callgrind` counts the instructions of: each function once, on
// trees of packing_trees.h, with the numbers that it divides by.

#include <benchmark/benchmark.h>

#include <string>

#include "bench/packing_trees.h"
#include "builder/snapshot/metadata_scan.h"
#include "oci/layer_writer.h"

namespace strake::bench {
namespace {

// To make a tree takes longer than what is counted, under valgrind.
constexpr int kPart = 16;

void BM_CountTarWriter(benchmark::State& state, TreeKind kind) {
  const PackingTree& tree = TreeOf(kind, kPart);
  uint64_t bytes = 0;
  for (auto _ : state) {
    NullSink nowhere;
    CountingSink tar(nowhere);
    auto written = oci::WriteLayer(tree.changes, tree.directory.fd(), tar);
    if (!written) state.SkipWithError(written.error().message().c_str());
    bytes = tar.bytes_written();
  }
  state.counters["bytes"] = static_cast<double>(bytes);
  state.counters["files"] = static_cast<double>(tree.changes.size());
}
BENCHMARK_CAPTURE(BM_CountTarWriter, small_files, TreeKind::kSmallFiles)
    ->Iterations(1);
BENCHMARK_CAPTURE(BM_CountTarWriter, large_files, TreeKind::kLargeFiles)
    ->Iterations(1);
BENCHMARK_CAPTURE(BM_CountTarWriter, sparse, TreeKind::kSparse)->Iterations(1);

void BM_CountScan(benchmark::State& state, TreeKind kind) {
  const PackingTree& tree = TreeOf(kind, kPart);
  size_t files = 0;
  for (auto _ : state) {
    auto scan = builder::snapshot::ScanTree(tree.directory.fd());
    if (!scan) state.SkipWithError(scan.error().message().c_str());
    files = scan ? scan->size() : 0;
  }
  state.counters["files"] = static_cast<double>(files);
}
BENCHMARK_CAPTURE(BM_CountScan, small_files, TreeKind::kSmallFiles)
    ->Iterations(1);

}  // namespace
}  // namespace strake::bench
