// Shell scripts in a Debian root file system, and what they take: for the
// benchmarks of sandboxes, which say how they are run (sandbox_bench.cc).

#ifndef STRAKE_BENCH_SANDBOX_SCRIPTS_H_
#define STRAKE_BENCH_SANDBOX_SCRIPTS_H_

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "bench/scratch_directory.h"
#include "util/unique_fd.h"

namespace strake::bench {

using std::chrono::nanoseconds;
using Seconds = std::chrono::duration<double>;

struct Workload {
  const char* name;
  const char* script;
};

inline constexpr Workload kWorkloads[] = {
    {"start", "true"},
    {"fork_exec_500",
     "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done"},
    {"find_stat", "find /usr/share /usr/include /etc -size +10000000"},
    {"tar_create", "tar -cf - /usr/share /usr/include /etc | cat"},
    {"tar_extract", "tar -xf /bench/in.tar -C /bench/out"},
    {"cp_rm", "cp -a /usr/share /bench/out/share && rm -rf /bench/out/share"},
    {"make_60", "make -s -C /bench/make clean && make -s -j2 -C /bench/make"},
};

inline constexpr Workload kInstall = {
    "apt_install",
    "DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-download "
    "--no-install-recommends gcc libc6-dev make python3"};

inline int Runs() {
  const char* runs = std::getenv("STRAKE_BENCH_RUNS");
  return runs == nullptr ? 3 : std::max(1, std::atoi(runs));
}

inline bool Shell(const std::string& command) {
  return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0;
}

struct Took {
  nanoseconds wall{0};
  nanoseconds cpu{0};  // of all processes that took part
  uint64_t calls = 0;  // that were notified, where somebody counts them
};

// Runs `body`, and looks at the clocks.
template <typename Body>
std::optional<Took> Timed(Body body) {
  const auto cpu_of = [](int who) {
    rusage used = {};
    getrusage(who, &used);
    const auto count = [](const timeval& time) {
      return std::chrono::seconds(time.tv_sec) +
             std::chrono::microseconds(time.tv_usec);
    };
    return count(used.ru_utime) + count(used.ru_stime);
  };
  const auto cpu = [&] {
    return cpu_of(RUSAGE_SELF) + cpu_of(RUSAGE_CHILDREN);
  };
  const auto cpu_before = cpu();
  const auto start = std::chrono::steady_clock::now();
  if (!body()) return std::nullopt;
  return Took{.wall = std::chrono::steady_clock::now() - start,
              .cpu = cpu() - cpu_before};
}

// Runs `body` in a child; the times that it returns, nothing if it ends badly.
template <typename Body>
std::optional<Took> InChild(Body body) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::nullopt;
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = fork();
  if (child == 0) {
    const std::optional<Took> took = body();
    const bool told =
        took && write(write_end.get(), &*took, sizeof(*took)) == sizeof(*took);
    _exit(told ? 0 : 1);
  }
  write_end.reset();
  Took took;
  const bool got = read(read_end.get(), &took, sizeof(took)) == sizeof(took);
  waitpid(child, nullptr, 0);
  if (!got) return std::nullopt;
  return took;
}

[[noreturn]] inline void ExecuteShell(const char* script) {
  const int null = open("/dev/null", O_RDWR);
  for (int fd : {0, 1, 2}) dup2(null, fd);
  const char* const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                     nullptr};
  execle("/bin/sh", "sh", "-c", script, nullptr, environment);
  _exit(127);
}

// The calling process goes there for good.
inline bool EnterChroot(const std::string& root) {
  const auto bind = [&](const char* path) {
    return mount(path, (root + path).c_str(), nullptr, MS_BIND | MS_REC,
                 nullptr) == 0;
  };
  return unshare(CLONE_NEWNS) == 0 &&
         mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         bind("/proc") && bind("/dev") && chroot(root.c_str()) == 0 &&
         chdir("/") == 0;
}

inline std::optional<Took> RunInChroot(const std::string& root,
                                       const char* script) {
  return InChild([&]() -> std::optional<Took> {
    if (!EnterChroot(root)) return std::nullopt;
    return Timed([&] {
      const pid_t child = fork();
      if (child == 0) ExecuteShell(script);
      int status = 0;
      waitpid(child, &status, 0);
      return status == 0;
    });
  });
}

// A tar in .cache, made by mmdebstrap where there is none; empty: impossible.
inline std::string CachedTar(const std::string& name,
                             const std::string& packages) {
  const std::string tar = ".cache/" + name;
  if (std::filesystem::exists(tar)) return tar;
  std::error_code error;
  std::filesystem::create_directories(".cache", error);
  const bool made =
      Shell("mmdebstrap --variant=minbase --format=tar " + packages +
            " bookworm " + tar + ".new http://deb.debian.org/debian") &&
      Shell("mv " + tar + ".new " + tar);
  return made ? tar : "";
}

// One root file system, unpacked once; every other one is a copy.
class Root {
 public:
  explicit Root(const std::string& tar) {
    if (tar.empty()) return;
    path_ = directory_.path() + "/root";
    std::filesystem::create_directory(path_);
    // --no-same-owner: a sandbox that emulates owners wants them all on disk.
    good_ = Shell("tar --no-same-owner -xpf " + tar + " -C " + path_) &&
            Shell("mkdir -p " + path_ + "/bench/out " + path_ + "/bench/make");
  }
  const std::string& path() const { return path_; }
  bool good() const { return good_; }
  std::string CopyAs(const std::string& name) const {
    std::string copy = directory_.path() + "/" + name;
    const bool copied =
        Shell("rm -rf " + copy) && Shell("cp -a " + path_ + " " + copy);
    return copied ? copy : "";
  }

 private:
  ScratchDirectory directory_;
  std::string path_;
  bool good_ = false;
};

inline const Root& BuildRoot() {
  static const std::unique_ptr<Root> root = [] {
    const char* given = std::getenv("STRAKE_BENCH_ROOT");
    auto made = std::make_unique<Root>(
        given != nullptr
            ? given
            : CachedTar("debian-12-gcc.tar", "--include=gcc,libc6-dev,make"));
    if (!made->good()) return made;
    const std::string bench = made->path() + "/bench";
    Shell("tar -C " + made->path() + " -cf " + bench +
          "/in.tar usr/share usr/include etc");
    Shell("cd " + bench +
          "/make && for i in $(seq 60); do printf '#include <stdio.h>\\n"
          "#include <stdlib.h>\\nint f%d(int a) { printf(\"%%d\", a); return a "
          "* %d; }\\n' $i $i >f$i.c; done && printf 'OBJECTS := $(patsubst "
          "%%.c,%%.o,$(wildcard *.c))\\nall: $(OBJECTS)\\nclean:\\n\\trm -f "
          "$(OBJECTS)\\n' >Makefile");
    return made;
  }();
  return *root;
}

// A root with the packages of `kInstall` in apt's cache.
inline const Root& InstallRoot() {
  static const std::unique_ptr<Root> root = [] {
    auto made = std::make_unique<Root>(CachedTar("debian-12.tar", ""));
    if (!made->good()) return made;
    const std::string apt = made->path() + "/var/cache/apt/archives";
    if (!std::filesystem::exists(".cache/apt/lists")) {
      // Nothing but the network is the host's.
      Shell("cp /etc/resolv.conf " + made->path() + "/etc/");
      RunInChroot(made->path(),
                  "apt-get -o Acquire::Check-Valid-Until=false update && "
                  "apt-get install -y -d --no-install-recommends gcc libc6-dev "
                  "make python3");
      Shell("mkdir -p .cache/apt && cp -a " + apt + "/. .cache/apt/ && cp -a " +
            made->path() + "/var/lib/apt/lists .cache/apt/lists");
    } else {
      Shell("cp -a .cache/apt/*.deb " + apt + "/ && cp -a .cache/apt/lists/. " +
            made->path() + "/var/lib/apt/lists/");
    }
    return made;
  }();
  return *root;
}

// The quickest of several runs.
struct Best {
  std::optional<Took> took;
  void Add(const Took& other) {
    if (!took) took = other;
    took->wall = std::min(took->wall, other.wall);
    took->cpu = std::min(took->cpu, other.cpu);
    took->calls = other.calls;
  }
};

inline double Milliseconds(nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

inline double Ratio(nanoseconds a, nanoseconds b) {
  return static_cast<double>(a.count()) / static_cast<double>(b.count());
}

// Runs the script by turns in a chroot and by `run(root)`, which returns what
// it took, nothing where it does not work.
template <typename Run>
void Measure(benchmark::State& state, const Workload& workload, Run run) {
  const bool installs = &workload == &kInstall;
  const Root& root = installs ? InstallRoot() : BuildRoot();
  if (!root.good()) {
    state.SkipWithError("no Debian root file system, and none can be made");
    return;
  }
  const auto make_ready = [&](const char* copy) {
    // A fresh tree where the script leaves much behind.
    std::string path = installs ? root.CopyAs(copy) : root.path();
    const std::string out = path + "/bench/out";
    Shell("rm -rf " + out + " && mkdir -p " + out);
    return path;
  };
  Best best;
  Best chroot;
  for (auto _ : state) {
    if (const auto took = RunInChroot(make_ready("chroot"), workload.script)) {
      chroot.Add(*took);
    }
    const std::optional<Took> took = run(make_ready("sandbox"));
    if (!took) {
      state.SkipWithError("does not work here");
      return;
    }
    best.Add(*took);
    state.SetIterationTime(Seconds(took->wall).count());
  }
  state.counters["best_ms"] = Milliseconds(best.took->wall);
  if (chroot.took) {
    state.counters["chroot_ms"] = Milliseconds(chroot.took->wall);
    state.counters["times_chroot"] = Ratio(best.took->wall, chroot.took->wall);
    state.counters["cpu_times_chroot"] =
        Ratio(best.took->cpu, chroot.took->cpu);
    if (const uint64_t calls = best.took->calls) {
      const nanoseconds more = best.took->cpu - chroot.took->cpu;
      state.counters["calls"] = static_cast<double>(calls);
      state.counters["us_per_call"] =
          1000 * Milliseconds(more) / static_cast<double>(calls);
    }
  }
}

// Registers the benchmark `name` of `workload`, each time of which `run` takes:
// given a root to run a script in, `std::optional<Took>`.
template <typename Run>
void RegisterScript(const std::string& name, const Workload& workload,
                    Run run) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [&workload, run](benchmark::State& state) {
                                 Measure(state, workload, run);
                               })
      ->UseManualTime()
      ->Iterations(Runs())
      ->Unit(benchmark::kMillisecond);
}

// Calls `add` with each workload that is to be measured.
template <typename Add>
void ForEachWorkload(Add add) {
  for (const Workload& workload : kWorkloads) add(workload);
  if (std::getenv("STRAKE_BENCH_APT") != nullptr) add(kInstall);
}

}  // namespace strake::bench

#endif  // STRAKE_BENCH_SANDBOX_SCRIPTS_H_
