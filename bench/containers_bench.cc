// Containers a second: what a task's steps cost that do nothing themselves.
//
// Each runs `true` of a busybox image, or of this machine, to its end, by one
// thread or by two. `BM_NamespacesAndExec` is the floor: a process in new
// namespaces that executes the same program, without a root of its own.

#include <benchmark/benchmark.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "bench/scratch_directory.h"
#include "builder/build.h"
#include "builder/containers.h"

namespace strake::builder {
namespace {

constexpr char kBusybox[] = "/bin/busybox";

// A store with the image "true".
class TrueImage {
 public:
  TrueImage() {
    PrepareProcess();
    const std::string context = scratch_.path() + "/context";
    std::error_code error;
    std::filesystem::create_directory(context, error);
    std::filesystem::copy_file(kBusybox, context + "/true", error);
    std::ofstream(context + "/Dockerfile")
        << "FROM scratch\nCOPY true /bin/true\nCMD [\"/bin/true\"]\n";
    BuildOptions options;
    options.context.path = context;
    options.tags = {"true"};
    options.store_directory = store();
    if (auto built = Build(options); !built) {
      std::fprintf(stderr, "%s\n", built.error().message().c_str());
      std::exit(1);
    }
  }
  std::string store() const { return scratch_.path() + "/store"; }

 private:
  bench::ScratchDirectory scratch_;
};

Containers* Open(benchmark::State& state, RunNetwork network) {
  static const TrueImage image;
  static std::unique_ptr<Containers> opened[2];
  auto& containers = opened[network == RunNetwork::kShared ? 1 : 0];
  if (!containers) {
    ContainersOptions options;
    options.store_directory = image.store();
    options.network = network;
    auto made = Containers::Open(options);
    if (!made) {
      state.SkipWithError(made.error().message().c_str());
      return nullptr;
    }
    containers = *std::move(made);
  }
  return containers.get();
}

void Run(benchmark::State& state, RunNetwork network,
         const ContainerSpec& spec) {
  static Containers* containers = nullptr;
  if (state.thread_index() == 0) containers = Open(state, network);
  for (auto _ : state) {
    const auto end = containers->Run(spec, {});
    if (!end) {
      state.SkipWithError(end.error().message().c_str());
      return;
    }
  }
  state.SetItemsProcessed(state.iterations());
}

void BM_Container(benchmark::State& state, RunNetwork network) {
  ContainerSpec spec;
  spec.image = "true";
  Run(state, network, spec);
}

void BM_HostTools(benchmark::State& state, RunNetwork network) {
  ContainerSpec spec;
  spec.host_tools = true;
  spec.args = {"/bin/true"};
  Run(state, network, spec);
}

void BM_NamespacesAndExec(benchmark::State& state) {
  for (auto _ : state) {
    const pid_t outer = fork();
    if (outer == 0) {
      if (unshare(CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWPID) !=
          0) {
        _exit(1);
      }
      if (fork() == 0) {
        execl(kBusybox, "true", nullptr);
        _exit(127);
      }
      int status = 0;
      wait(&status);
      _exit(WEXITSTATUS(status));
    }
    int status = 0;
    waitpid(outer, &status, 0);
    if (status != 0) state.SkipWithError("needs root and busybox-static");
  }
  state.SetItemsProcessed(state.iterations());
}

BENCHMARK_CAPTURE(BM_Container, host, RunNetwork::kHost)
    ->Threads(1)
    ->Threads(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_Container, shared, RunNetwork::kShared)
    ->Threads(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(BM_HostTools, shared, RunNetwork::kShared)
    ->Threads(2)
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);
BENCHMARK(BM_NamespacesAndExec)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace strake::builder
