// COPY: the digest of what it takes (cold, and with a stat cache), the copy
// itself, and matching a wildcard; of 2,000 small files, of a few large ones,
// and of a context of 100,000 files of which an ignore file excludes most.

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>

#include "bench/scratch_directory.h"
#include "builder/cache/content_digest.h"
#include "builder/context/build_context.h"
#include "builder/context/copy_match.h"
#include "builder/ops/copy_op.h"
#include "util/unique_fd.h"

namespace strake::builder {
namespace {

// A folder that lives as long as the program.
class Folder : public bench::ScratchDirectory {
 public:
  void Write(const std::string& name, const std::string& content) const {
    std::filesystem::path file = path() + "/" + name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << content;
  }
};

std::string Name(int i) {
  return "src/d" + std::to_string(i / 100) + "/f" + std::to_string(i);
}

const Folder& SmallFiles() {
  static const Folder folder;
  static const bool made = [] {
    for (int i = 0; i < 2000; ++i) {
      folder.Write(Name(i), std::string(4000, static_cast<char>('a' + i % 26)));
    }
    return true;
  }();
  static_cast<void>(made);
  return folder;
}

const Folder& LargeFiles() {
  static const Folder folder;
  static const bool made = [] {
    std::string content(size_t{32} << 20, 'x');
    for (size_t i = 0; i < content.size(); i += 61) content[i] = char(i * 31);
    for (int i = 0; i < 4; ++i) folder.Write(Name(i), content);
    return true;
  }();
  static_cast<void>(made);
  return folder;
}

const Folder& ManyFiles() {
  static const Folder folder;
  static const bool made = [] {
    for (int i = 0; i < 90'000; ++i) {
      folder.Write(
          "node_modules/p" + std::to_string(i / 100) + "/f" + std::to_string(i),
          "x");
    }
    for (int i = 0; i < 10'000; ++i) folder.Write(Name(i), "x");
    return true;
  }();
  static_cast<void>(made);
  return folder;
}

plan::CopyOp CopyAll() {
  plan::CopyOp op;
  op.sources.emplace_back();
  op.destination = "/app/";
  return op;
}

// A context and what a copy needs of it.
struct Source {
  explicit Source(const Folder& folder)
      : context(std::move(context::OpenLocalContext(folder.path())).value()) {
    inputs.contexts[""] = context.tree();
  }
  context::BuildContext context;
  context::CopyInputs inputs;
};

void BM_ContentDigest(benchmark::State& state, const Folder& folder,
                      bool with_stat_cache) {
  Source source(folder);
  cache::StatCache stat_cache;
  cache::ContentDigestOptions options;
  if (with_stat_cache) options.stat_cache = &stat_cache;
  uint64_t bytes = 0;
  options.on_bytes = [&](uint64_t count) { bytes += count; };
  ::usleep(100'000);  // what changed just now is not remembered
  auto once = cache::DigestCopySources(CopyAll(), source.inputs, options);
  if (!once) return state.SkipWithError(once.error().message().c_str());
  uint64_t bytes_once = bytes;
  for (auto _ : state) {
    auto digest = cache::DigestCopySources(CopyAll(), source.inputs, options);
    benchmark::DoNotOptimize(digest);
  }
  state.SetBytesProcessed(
      static_cast<int64_t>(bytes_once * state.iterations()));
}

void BM_ContentDigestSmallFiles(benchmark::State& state) {
  BM_ContentDigest(state, SmallFiles(), false);
}
BENCHMARK(BM_ContentDigestSmallFiles)->Unit(benchmark::kMillisecond);

void BM_ContentDigestSmallFilesUnchanged(benchmark::State& state) {
  BM_ContentDigest(state, SmallFiles(), true);
}
BENCHMARK(BM_ContentDigestSmallFilesUnchanged)->Unit(benchmark::kMillisecond);

void BM_ContentDigestLargeFiles(benchmark::State& state) {
  BM_ContentDigest(state, LargeFiles(), false);
}
BENCHMARK(BM_ContentDigestLargeFiles)->Unit(benchmark::kMillisecond);

void BM_ContentDigest100kFiles(benchmark::State& state) {
  BM_ContentDigest(state, ManyFiles(), true);
}
BENCHMARK(BM_ContentDigest100kFiles)->Unit(benchmark::kMillisecond);

void BM_ContentDigest100kFilesMostlyIgnored(benchmark::State& state) {
  ManyFiles().Write(".dockerignore", "**/*.log\nnode_modules\n!src/keep.log\n");
  BM_ContentDigest(state, ManyFiles(), true);
  std::filesystem::remove(ManyFiles().path() + "/.dockerignore");
}
BENCHMARK(BM_ContentDigest100kFilesMostlyIgnored)
    ->Unit(benchmark::kMillisecond);

void BM_Copy(benchmark::State& state, const Folder& folder) {
  Source source(folder);
  uint64_t bytes = 0;
  for (auto _ : state) {
    state.PauseTiming();
    auto target = std::make_unique<Folder>();
    UniqueFd root(::open(target->path().c_str(), O_RDONLY | O_DIRECTORY));
    state.ResumeTiming();
    ops::WriteTarget to;
    to.root = root.get();
    auto copied = ops::ExecuteCopy(CopyAll(), source.inputs, to, {});
    if (!copied) return state.SkipWithError(copied.error().message().c_str());
    bytes += copied->content_bytes;
    state.PauseTiming();
    target.reset();
    state.ResumeTiming();
  }
  state.SetBytesProcessed(static_cast<int64_t>(bytes));
}

void BM_CopySmallFiles(benchmark::State& state) {
  BM_Copy(state, SmallFiles());
}
BENCHMARK(BM_CopySmallFiles)->Unit(benchmark::kMillisecond);

void BM_CopyLargeFiles(benchmark::State& state) {
  BM_Copy(state, LargeFiles());
}
BENCHMARK(BM_CopyLargeFiles)->Unit(benchmark::kMillisecond);

void BM_MatchWildcard(benchmark::State& state) {
  Source source(ManyFiles());
  for (auto _ : state) {
    auto matches = context::MatchSources(source.context.tree(), "src/*/f*7");
    benchmark::DoNotOptimize(matches);
  }
  state.SetItemsProcessed(10'000 * state.iterations());
}
BENCHMARK(BM_MatchWildcard)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace strake::builder
