// Runs one process tree in a root file system, in namespaces of its own, and
// leaves nothing behind: no process, no mount, no stub file.
//
// A sandbox knows nothing of images or layers. What it needs of the kernel is
// found out by trying (`probe_sandbox.h`). Safe to call from any thread; each
// `Run` is synchronous and independent.

#ifndef STRAKE_BUILDER_SANDBOX_SANDBOX_H_
#define STRAKE_BUILDER_SANDBOX_SANDBOX_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "util/ownership_journal.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// The root file system to run in, by one `Run` at a time (mount points are made
// in it and removed again). Exactly one member is set.
struct RootFs {
  // A detached mount (fsmount(2), open_tree(2) with OPEN_TREE_CLONE), which the
  // child attaches as its root; borrowed, and used up by one `Run`.
  int mount_fd = -1;
  // A directory to bind as the root.
  std::string path;
};

struct Mount {
  enum class Kind {
    kBind,   // `source_fd` or `source_path` appears at `target`
    kTmpfs,  // an empty tmpfs
    kFile,   // a regular file with `content`, in memory only (secrets)
  };
  Kind kind = Kind::kBind;
  std::string target;  // absolute path inside the root
  bool read_only = false;
  // kBind: a detached mount to attach, or else a path on the host. A path below
  // a detached mount: `source_subpath` (no leading "/", symlinks resolved
  // inside the mount).
  int source_mount_fd = -1;
  std::string source_path;
  std::string source_subpath;
  // kBind that is not read-only: what has to become of what is written, for a
  // backend that can only copy.
  enum class Writes {
    kShared,     // seen at once by others who use the source
    kDiscarded,  // nobody's
    kCache,      // kept for later; the last of several writers may win
  };
  Writes writes = Writes::kShared;
  // kTmpfs: size limit; 0: the kernel's default.
  uint64_t size_bytes = 0;
  // kBind, where owners are emulated: as `ProcessSpec::journal`, of the source,
  // and not brought up to date where the mount is read-only. Where only devices
  // are: which of its files are devices.
  OwnershipJournal* journal = nullptr;
  // kFile
  std::string content;
  uint32_t mode = 0400;
  uint32_t uid = 0;
  uint32_t gid = 0;
};

enum class Network {
  kHost,  // the network of the process that runs strake
  kNone,  // a network namespace of its own with only a loopback interface
};

struct ProcessSpec {
  std::vector<std::string> argv;  // argv[0] is looked up in PATH of `env`
  std::vector<std::string> env;   // "NAME=value", all there is
  std::string cwd = "/";          // inside the root; must exist
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> supplementary_gids;
  RootFs root;
  std::vector<Mount> mounts;  // in order, after /proc, /dev, /sys
  std::string hostname;       // empty: the host's
  Network network = Network::kHost;
  // Borrowed: a network namespace to run in, in place of `network`; it belongs
  // to the user namespace that this process is in. -1: none. `kUnsupported`
  // where the process gets no namespaces.
  int network_namespace = -1;
  // Lines for /etc/hosts beside localhost's: {"name", "address"}.
  std::vector<std::pair<std::string, std::string>> extra_hosts;
  // The content of /etc/resolv.conf; none: the host's.
  std::optional<std::string> resolv_conf;
  // Keeps every capability and leaves the seccomp filter out.
  bool insecure = false;
  // Where owners are emulated (`Sandbox::emulates_owners`): what the disk
  // cannot say about the files of `root`. Read before the process starts and
  // brought up to date after it has ended, however it ended; untouched where it
  // never started. Borrowed; null: starts empty and is thrown away. Other
  // backends neither read nor change it.
  //   A file without an entry that belongs on disk to this process's effective
  //   user or group is root's: that goes for what is passed in, for what comes
  //   back, and for whoever reads the tree afterwards.
  //   REQUIRES: everything in `root` belongs on disk to the effective user.
  OwnershipJournal* journal = nullptr;
  // Where the backend sees every change: the paths (no leading "/", "" is the
  // root) that the run may have made, changed or removed; each name of a file
  // with several is not promised. A path that ends in "/" is one that a
  // directory got or lost by renaming: all below it may differ, and it is there
  // without the "/", too; a removed directory stands for what was below it. The
  // directories above these paths have other times. Borrowed; null: not wanted.
  // Left empty by backends that cannot tell.
  std::optional<std::set<std::string>>* touched = nullptr;
  // Where devices are emulated (`Sandbox::emulates_devices`). That is known of
  // those in `journal`, and in a mount's, which is brought up to date for the
  // root; to answer for them makes all that looks at files slow.
  enum class Devices {
    kKnown,  // only where the process begins with some
    kAll,
  };
  Devices devices = Devices::kKnown;
  // Not null: where a process makes a device that nobody would answer for, the
  // run is ended, and this set. What it did has to be thrown away, and it to be
  // run again with `Devices::kAll`. Null: making one fails (EPERM).
  bool* made_device = nullptr;
  // Borrowed descriptors for the process, or -1: stdin is then /dev/null, and
  // stdout and stderr go to `on_output`.
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  // Called once, from the thread of `Run`, when the program is being executed;
  // where a supervisor does that: when it has been let go.
  std::function<void()> on_started;
  // Not null: where the program could not be executed, set to what a shell
  // makes of that: 127 (there is none), 126 (it cannot be). Borrowed.
  int* not_executed = nullptr;
};

struct ExitStatus {
  int code = 0;    // 0-255, where the process exited by itself
  int signal = 0;  // the signal that ended it, or 0
  bool ok() const { return code == 0 && signal == 0; }
  // As a shell's $?: 128 + signal.
  int ShellCode() const { return signal != 0 ? 128 + signal : code; }
};

enum class Stream { kStdout = 1, kStderr = 2 };
// Called from the thread of `Run`, in the order written within a stream.
using OutputCallback = std::function<void(Stream, std::string_view)>;

class Sandbox {
 public:
  virtual ~Sandbox() = default;

  // "overlay-root", "userns-map" ...: as `--isolation` names it.
  virtual std::string_view name() const = 0;

  // Whether the process sees owners, modes and devices that only
  // `ProcessSpec::journal` knows: all files on disk stay the builder's own.
  virtual bool emulates_owners() const { return false; }
  // Whether the kernel refuses the process devices, and they can be made and
  // seen nevertheless; `ProcessSpec::journal` has them, while all else is on
  // disk.
  virtual bool emulates_devices() const { return false; }
  // Whether processes can be in `ProcessSpec::network_namespace`.
  virtual bool joins_networks() const { return false; }
  // Whether `RootFs::path` has to be set: detached mounts are of no use to it.
  virtual bool needs_path() const { return emulates_owners(); }

  // Runs `spec` to its end and returns how it ended; every process of the tree
  // is gone by then. Stopping kills the tree and returns `kCancelled`.
  //   mount points that `spec` needs and the root lacks are made, and removed
  //   afterwards if they are still empty, with their parent's times restored:
  //   a run that writes nothing changes nothing.
  // Errors (the process was never started): `kNotFound` (argv[0]), `kIo`
  // (which step of the set-up failed, with errno), `kUnsupported` (what this
  // backend cannot do, and why).
  virtual Result<ExitStatus> Run(const ProcessSpec& spec,
                                 const OutputCallback& on_output,
                                 std::stop_token stop) = 0;
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_SANDBOX_H_
