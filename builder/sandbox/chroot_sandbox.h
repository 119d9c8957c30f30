// Runs processes with chroot(2) and nothing else: the backend "chroot", for
// root in a container that allows no mount.

#ifndef STRAKE_BUILDER_SANDBOX_CHROOT_SANDBOX_H_
#define STRAKE_BUILDER_SANDBOX_CHROOT_SANDBOX_H_

#include <string_view>

#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// Needs CAP_SYS_CHROOT, CAP_CHOWN, CAP_MKNOD, CAP_SETUID and CAP_SETGID, which
// root has in a default container. No security boundary: a step is root in the
// container, and can leave its root.
//
//   * `RootFs` must be a path. What mounts do elsewhere is done with files that
//     are there during the step and gone, without a trace, afterwards: /dev
//     with its devices, /etc/hosts and /etc/resolv.conf, secrets.
//   * /proc and /sys are empty directories: what needs them (process
//     substitution, Java, ps) does not work.
//   * Bind mounts are copies: one that is written to works where the writes are
//     to be thrown away or belong to a cache, which is then copied back.
//     Sockets (`--mount=type=ssh`) and folders of the host that are to be
//     written to are `kUnsupported`, as is `Network::kNone`.
//   * A size limit of a tmpfs, read-only and a host name have no effect;
//     secrets lie on the disk during the step.
//   * Processes that detach themselves are found and killed at the end.
class ChrootSandbox final : public Sandbox {
 public:
  std::string_view name() const override { return "chroot"; }
  bool needs_path() const override { return true; }
  Result<ExitStatus> Run(const ProcessSpec& spec,
                         const OutputCallback& on_output,
                         std::stop_token stop) override;
};

// Whether a `ChrootSandbox` works here, found out by trying in a child:
// success, or `kUnsupported` with the step that failed and its errno; other
// errors say that nothing could be tried. Cached for the life of the process;
// safe to call from any thread.
//   scratch  a directory to make a device in; empty: a temporary one of the
//            system's. The first caller's is used.
Status ProbeChroot(const std::string& scratch = {});

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_CHROOT_SANDBOX_H_
