// What a step costs in each sandbox that works here, against a plain chroot.
//
// Each measurement runs a shell script in a Debian root file system, by turns
// in a chroot with /proc and /dev and in the sandbox, in processes of their
// own; `times_chroot` is the ratio of the quickest runs, `cpu_times_chroot`
// that of the processor time of all processes, which a busy machine distorts
// less. The root is unpacked with one owner for all files, as all sandboxes can
// have it, below $TMPDIR (/dev/shm there leaves the disk out of it). It is made
// by mmdebstrap once and kept in .cache.
//
//   STRAKE_BENCH_ROOT  another tar of a root with gcc, make and perl
//   STRAKE_BENCH_APT   set: apt-get install, too; the packages are fetched once
//                      from the mirror and kept in .cache
//   STRAKE_BENCH_RUNS  runs of each script; 3 if not set

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
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bench/scratch_directory.h"
#include "builder/sandbox/backends.h"
#include "builder/sandbox/sandbox.h"
#include "util/ownership_journal.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

using std::chrono::nanoseconds;
using Seconds = std::chrono::duration<double>;

struct Workload {
  const char* name;
  const char* script;
};

constexpr Workload kWorkloads[] = {
    {"start", "true"},
    {"fork_exec_500",
     "i=0; while [ $i -lt 500 ]; do /bin/true; i=$((i+1)); done"},
    {"find_stat", "find /usr/share /usr/include /etc -size +10000000"},
    {"tar_create", "tar -cf - /usr/share /usr/include /etc | cat"},
    {"tar_extract", "tar -xf /bench/in.tar -C /bench/out"},
    {"cp_rm", "cp -a /usr/share /bench/out/share && rm -rf /bench/out/share"},
    {"make_60", "make -s -C /bench/make clean && make -s -j2 -C /bench/make"},
};

constexpr Workload kInstall = {
    "apt_install",
    "DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-download "
    "--no-install-recommends gcc libc6-dev make python3"};

int Runs() {
  const char* runs = std::getenv("STRAKE_BENCH_RUNS");
  return runs == nullptr ? 3 : std::max(1, std::atoi(runs));
}

bool Shell(const std::string& command) {
  return std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0;
}

struct Took {
  nanoseconds wall{0};
  nanoseconds cpu{0};  // of all processes
};

// Runs `body`, and looks at the clocks.
template <typename Body>
std::optional<Took> Timed(Body body) {
  const auto cpu = [] {
    rusage used = {};
    getrusage(RUSAGE_CHILDREN, &used);
    const auto count = [](const timeval& time) {
      return std::chrono::seconds(time.tv_sec) +
             std::chrono::microseconds(time.tv_usec);
    };
    return count(used.ru_utime) + count(used.ru_stime);
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

[[noreturn]] void ExecuteShell(const char* script) {
  const int null = open("/dev/null", O_RDWR);
  for (int fd : {0, 1, 2}) dup2(null, fd);
  const char* const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                                     nullptr};
  execle("/bin/sh", "sh", "-c", script, nullptr, environment);
  _exit(127);
}

std::optional<Took> RunInChroot(const std::string& root, const char* script) {
  return InChild([&]() -> std::optional<Took> {
    const auto bind = [&](const char* path) {
      return mount(path, (root + path).c_str(), nullptr, MS_BIND | MS_REC,
                   nullptr) == 0;
    };
    if (unshare(CLONE_NEWNS) != 0 ||
        mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        !bind("/proc") || !bind("/dev") || chroot(root.c_str()) != 0 ||
        chdir("/") != 0) {
      return std::nullopt;
    }
    return Timed([&] {
      const pid_t child = fork();
      if (child == 0) ExecuteShell(script);
      int status = 0;
      waitpid(child, &status, 0);
      return status == 0;
    });
  });
}

std::optional<Took> RunInSandbox(const Backend& backend,
                                 const std::string& root, const char* script) {
  return InChild([&]() -> std::optional<Took> {
    if (!backend.probe(EnterUserNamespace(backend.wish), {}))
      return std::nullopt;
    const UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    OwnershipJournal journal;
    std::optional<std::set<std::string>> touched;
    ProcessSpec spec;
    spec.argv = {"/bin/sh", "-c", script};
    spec.env = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
    spec.root.path = root;
    spec.journal = &journal;
    spec.touched = &touched;
    // As in a build: userns-map listens for them.
    bool made_device = false;
    spec.made_device = &made_device;
    spec.stdin_fd = spec.stdout_fd = spec.stderr_fd = null.get();
    const std::unique_ptr<Sandbox> sandbox = backend.make({});
    return Timed([&] {
      const Result<ExitStatus> ended = sandbox->Run(spec, {}, {});
      return ended && ended->ok();
    });
  });
}

// A tar in .cache, made by mmdebstrap where there is none; empty: impossible.
std::string CachedTar(const std::string& name, const std::string& packages) {
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
  bench::ScratchDirectory directory_;
  std::string path_;
  bool good_ = false;
};

const Root& BuildRoot() {
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
const Root& InstallRoot() {
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
  }
};

double Milliseconds(nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

double Ratio(nanoseconds a, nanoseconds b) {
  return static_cast<double>(a.count()) / static_cast<double>(b.count());
}

void Measure(benchmark::State& state, const Backend& backend,
             const Workload& workload) {
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
    const auto took =
        RunInSandbox(backend, make_ready("sandbox"), workload.script);
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
  }
}

void Register(const Workload& workload) {
  for (const Backend& backend : Backends()) {
    const std::string name = "BM_Sandbox/" + std::string(workload.name) + "/" +
                             std::string(backend.name);
    benchmark::RegisterBenchmark(
        name.c_str(),
        [&](benchmark::State& state) { Measure(state, backend, workload); })
        ->UseManualTime()
        ->Iterations(Runs())
        ->Unit(benchmark::kMillisecond);
  }
}

const bool kRegistered = [] {
  for (const Workload& workload : kWorkloads) Register(workload);
  if (std::getenv("STRAKE_BENCH_APT") != nullptr) Register(kInstall);
  return true;
}();

}  // namespace
}  // namespace strake::builder::sandbox
