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

#include <memory>
#include <optional>
#include <set>
#include <string>

#include "bench/sandbox_scripts.h"
#include "builder/sandbox/backends.h"
#include "builder/sandbox/sandbox.h"
#include "util/ownership_journal.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

using bench::Took;
using bench::Workload;

std::optional<Took> RunInSandbox(const Backend& backend,
                                 const std::string& root, const char* script) {
  return bench::InChild([&]() -> std::optional<Took> {
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
    return bench::Timed([&] {
      const Result<ExitStatus> ended = sandbox->Run(spec, {}, {});
      return ended && ended->ok();
    });
  });
}

void Register(const Workload& workload) {
  for (const Backend& backend : Backends()) {
    const std::string name = "BM_Sandbox/" + std::string(workload.name) + "/" +
                             std::string(backend.name);
    bench::RegisterScript(name, workload, [&](const std::string& root) {
      return RunInSandbox(backend, root, workload.script);
    });
  }
}

const bool kRegistered = [] {
  bench::ForEachWorkload(Register);
  return true;
}();

}  // namespace
}  // namespace strake::builder::sandbox
