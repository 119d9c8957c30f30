// Runs processes in a root file system where no namespace and no chroot(2) can
// be had: a supervisor answers those of their system calls that take a path, an
// owner or a user id. They reach it by seccomp user notification (the backend
// "notify") or by ptrace (the backend "trace").
//
// Needs no privilege at all, and uses none: as root it drops all capabilities.
// It isolates nothing: a process that means harm has all that the user who runs
// strake has. What it gives is the right result: paths resolve inside the root,
// processes run as the root or user they are meant to be, and every owner, mode
// and device ends up in the ownership journal.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_NOTIFY_SANDBOX_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_NOTIFY_SANDBOX_H_

#include <string>
#include <string_view>
#include <utility>

#include "builder/sandbox/notify/transport.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

struct NotifySandboxOptions {
  // A directory for what tmpfs mounts hold during a run; empty: a temporary
  // directory of the system's. `RemoveAbandonedScratch` sweeps it.
  std::string scratch;
  notify::CallTransport transport = notify::CallTransport::kListener;
};

// As `Sandbox` says, and:
//   * `RootFs` must be a path; its owner is the effective user, as is that of
//     all files in it. Mounts are paths or files, never detached mounts.
//   * Directories on disk get u+rwx, files u+rw, as far as the run meets them;
//     the journal then has their real mode.
//   * `Network::kNone`, a host name and size limits of tmpfs mounts need
//     namespaces: the first is `kUnsupported`, the others have no effect.
//   * Under a tracer, what needs to trace for itself (strace, gdb,
//     LeakSanitizer) fails.
//   * Times of a directory in which a mount point is made are restored.
class NotifySandbox final : public Sandbox {
 public:
  explicit NotifySandbox(NotifySandboxOptions options = {})
      : options_(std::move(options)) {}

  std::string_view name() const override {
    return options_.transport == notify::CallTransport::kListener ? "notify"
                                                                  : "trace";
  }
  bool emulates_owners() const override { return true; }
  Result<ExitStatus> Run(const ProcessSpec& spec,
                         const OutputCallback& on_output,
                         std::stop_token stop) override;

 private:
  NotifySandboxOptions options_;
};

// Whether a `NotifySandbox` works here, found out by trying in a child process:
// success, or `kUnsupported` with the step that failed and its errno; other
// errors say that nothing could be tried. A few milliseconds; cached for the
// life of the process. Safe to call from any thread.
//   scratch  as in the options; the first caller's is used
Status ProbeNotify(const std::string& scratch = {});
// Likewise for one with `TracerHere()`.
Status ProbeTrace(const std::string& scratch = {});

// The tracer for this place: an eager one where another's listener is around
// us, found out by trying. Cached; safe to call from any thread.
notify::CallTransport TracerHere();

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_NOTIFY_SANDBOX_H_
