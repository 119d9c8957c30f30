// Tree diff: what a step costs that changed little in a large root file system.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "bench/scratch_directory.h"
#include "builder/snapshot/metadata_scan.h"
#include "builder/snapshot/probe_snapshotter.h"
#include "builder/snapshot/snapshotter.h"
#include "util/rooted_fs.h"
#include "util/unique_fd.h"

namespace strake::builder::snapshot {
namespace {

constexpr int kDirectories = 1000;
constexpr int kFilesEach = 14;  // 15,000 files with their directories
constexpr const char* kBase = "ba5e0000";
constexpr const char* kTop = "70900000";

void WriteFile(int root, const std::string& path, int size_bytes) {
  std::string content(static_cast<size_t>(size_bytes), 'x');
  UniqueFd fd(::openat(root, path.c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (::write(fd.get(), content.data(), content.size()) < 0) std::abort();
}

std::string FilePath(int index) {
  char path[32];
  std::snprintf(path, sizeof path, "d%04d/file%02d", index / kFilesEach,
                index % kFilesEach);
  return path;
}

// A store with a large snapshot, and one on top of it that changes `changed`
// files.
class Store {
 public:
  explicit Store(const char* kind) {
    auto choice =
        OpenSnapshotter(directory_.path(), kind, OwnershipForm::kReal);
    if (!choice) return;
    snapshotter_ = std::move(choice->snapshotter);
    Change({}, kBase, [](int root) {
      for (int i = 0; i < kDirectories; ++i) {
        std::string path = FilePath(i * kFilesEach);
        path.resize(path.find('/'));
        ::mkdirat(root, path.c_str(), 0755);
      }
      for (int i = 0; i < kDirectories * kFilesEach; ++i) {
        WriteFile(root, FilePath(i), 2000);
      }
    });
  }

  Snapshotter* get() { return snapshotter_.get(); }
  const std::string& directory() const { return directory_.path(); }

  template <typename Body>
  void Change(const std::optional<SnapshotId>& parent, const char* id,
              Body body) {
    auto active = snapshotter_->Prepare(parent);
    {
      auto root = snapshotter_->Mount(**active);
      body(root->fd.get());
    }
    if (!snapshotter_->Commit(*std::move(active), id)) std::abort();
  }
  void ChangeFiles(int changed) {
    Change(std::string(kBase), kTop, [&](int root) {
      for (int i = 0; i < changed; ++i) WriteFile(root, FilePath(i * 7), 3000);
    });
  }

 private:
  bench::ScratchDirectory directory_;
  std::unique_ptr<Snapshotter> snapshotter_;
};

void BM_Diff(benchmark::State& state, const char* kind) {
  int changed = static_cast<int>(state.range(0));
  Store store(kind);
  if (store.get() == nullptr) {
    state.SkipWithError("not possible here");
    return;
  }
  store.ChangeFiles(changed);
  for (auto _ : state) {
    auto diff = store.get()->Diff(kTop);
    if (!diff || diff->changes.size() != static_cast<size_t>(changed)) {
      state.SkipWithError("wrong diff");
      return;
    }
  }
  state.SetItemsProcessed(state.iterations() * changed);
  state.SetBytesProcessed(state.iterations() * changed * 3000);
}
// Iterations are fixed, since finding their number would build the store anew
// each time.
BENCHMARK_CAPTURE(BM_Diff, overlay, "overlay")
    ->Arg(10)
    ->Arg(1000)
    ->Iterations(20)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Diff, plain, "plain")
    ->Arg(10)
    ->Arg(1000)
    ->Iterations(10)
    ->Unit(benchmark::kMillisecond);

void BM_Scan(benchmark::State& state) {
  Store store("plain");
  auto root = store.get()->View(kBase);
  size_t files = 0;
  for (auto _ : state) {
    auto scan = ScanTree(root->fd.get());
    files = scan->size();
    benchmark::DoNotOptimize(scan);
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(files));
}
BENCHMARK(BM_Scan)->Iterations(20)->Unit(benchmark::kMillisecond);

// A step that does nothing: all that a snapshotter adds to it.
void BM_EmptyStep(benchmark::State& state, const char* kind) {
  Store store(kind);
  if (store.get() == nullptr) {
    state.SkipWithError("not possible here");
    return;
  }
  for (auto _ : state) {
    store.Change(std::string(kBase), kTop, [](int) {});
    state.PauseTiming();
    (void)store.get()->Remove(kTop);
    state.ResumeTiming();
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(BM_EmptyStep, overlay, "overlay")
    ->Iterations(20)
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_EmptyStep, plain, "plain")
    ->Iterations(2)
    ->Unit(benchmark::kMillisecond);

// A step that writes one file, on one that does as much, and hands its tree on.
void BM_ChainStep(benchmark::State& state) {
  Store store("plain");
  auto step = [&](const std::string& parent, const std::string& id) {
    auto active = store.get()->Prepare(parent);
    {
      auto root = store.get()->Mount(**active);
      WriteFile(root->fd.get(), FilePath(7), 3000);
    }
    (*active)->SetHandedOn();
    if (!store.get()->Commit(*std::move(active), id)) std::abort();
  };
  int steps = 0;
  auto name = [](int index) {
    char id[16];
    std::snprintf(id, sizeof id, "c4a1%04x", static_cast<unsigned>(index));
    return std::string(id);
  };
  step(kBase, name(0));
  for (auto _ : state) {
    step(name(steps), name(steps + 1));
    ++steps;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_ChainStep)->Iterations(50)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace strake::builder::snapshot
