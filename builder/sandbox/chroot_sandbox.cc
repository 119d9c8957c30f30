#include "builder/sandbox/chroot_sandbox.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "builder/sandbox/chroot_root.h"
#include "builder/sandbox/root_assembly.h"
#include "builder/sandbox/root_covers.h"
#include "builder/sandbox/run_program.h"
#include "builder/sandbox/scratch_directory.h"
#include "util/result_macros.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

Status CheckForChroot(const ProcessSpec& spec) {
  if (spec.root.path.empty()) {
    return Unsupported(
        "isolation chroot needs a root file system that is a folder: use "
        "--snapshotter plain");
  }
  if (spec.network == Network::kNone) {
    return Unsupported(
        "isolation chroot cannot take the network away from a process; that "
        "takes an isolation with namespaces (see strake doctor)");
  }
  return {};
}

Result<ExitStatus> RunDressed(const ProcessSpec& spec, RootCovers& covers,
                              UniqueFd directory,
                              const OutputCallback& on_output,
                              const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::vector<DressedCache> caches,
                   DressRoot(spec, covers));
  ASSIGN_OR_RETURN(UniqueFd root, DuplicateFd(directory.get()));
  AssembledRoot assembled;
  assembled.directory = std::move(directory);
  ASSIGN_OR_RETURN(const ExitStatus ended,
                   RunProgram(spec, std::move(assembled), on_output, stop));
  RETURN_IF_ERROR(SaveCaches(caches, covers, root.get()));
  return ended;
}

// The steps of the probe.
enum ProbeStep : int {
  kMakeFile,
  kChroot,
  kChown,
  kMakeNode,
  kSetGroups,
  kSetIds,
  kProbed,
};

const char* ProbeStepText(int step) {
  switch (step) {
    case kMakeFile:
      return "memfd_create";
    case kChroot:
      return "chroot";
    case kChown:
      return "chown to another user";
    case kMakeNode:
      return "mknod of a character device";
    case kSetGroups:
      return "setgroups";
    default:
      return "setresuid";
  }
}

struct ProbeReport {
  int step = kProbed;
  int error = 0;
};

// In a child.
int TryChroot(const char* folder) {
  const int file =
      static_cast<int>(syscall(SYS_memfd_create, "probe", MFD_CLOEXEC));
  if (file < 0) return kMakeFile;
  if (fchown(file, 1, 1) != 0) return kChown;
  // On the overlay of a container the node 0:0 is refused, and others are not.
  const int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (mknodat(fd, "null", S_IFCHR | 0600, makedev(1, 3)) != 0) return kMakeNode;
  if (chroot("/") != 0) return kChroot;
  if (syscall(SYS_setgroups, 0, nullptr) != 0) return kSetGroups;
  if (syscall(SYS_setresgid, 1, 1, 1) != 0) return kSetIds;
  if (syscall(SYS_setresuid, 1, 1, 1) != 0) return kSetIds;
  return kProbed;
}

Status ProbeInChild(const std::string& scratch) {
  ASSIGN_OR_RETURN(const ScratchDirectory folder,
                   ScratchDirectory::Make(scratch));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError("pipe2");
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  const pid_t child = fork();
  if (child < 0) return ErrnoError("fork");
  if (child == 0) {
    ProbeReport report;
    report.step = TryChroot(folder.path().c_str());
    report.error = errno;
    const ssize_t n = write(write_end.get(), &report, sizeof(report));
    _exit(n == sizeof(report) ? 0 : 1);
  }
  write_end.reset();
  ProbeReport report;
  ssize_t n = 0;
  do {
    n = read(read_end.get(), &report, sizeof(report));
  } while (n < 0 && errno == EINTR);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (n != sizeof(report)) return Unsupported("the probe was killed");
  if (report.step == kProbed) return {};
  return Unsupported(std::string(ProbeStepText(report.step)) + ": " +
                     std::strerror(report.error));
}

}  // namespace

Result<ExitStatus> ChrootSandbox::Run(const ProcessSpec& spec,
                                      const OutputCallback& on_output,
                                      std::stop_token stop) {
  RETURN_IF_ERROR(CheckSpec(spec));
  RETURN_IF_ERROR(CheckForChroot(spec));
  if (stop.stop_requested()) {
    return Cancelled("\"" + spec.argv.front() + "\" was not started");
  }
  ASSIGN_OR_RETURN(UniqueFd directory,
                   OpenFile(spec.root.path.c_str(), O_RDONLY | O_DIRECTORY));
  ASSIGN_OR_RETURN(RootCovers covers,
                   RootCovers::Open(directory.get(), spec.root.path));
  ASSIGN_OR_RETURN(UniqueFd own, DuplicateFd(directory.get()));
  Result<ExitStatus> ended =
      RunDressed(spec, covers, std::move(own), on_output, stop);
  // No process is left on any path out of `RunDressed`.
  Status restored = covers.Restore();
  if (ended && !restored) return std::move(restored).error();
  return ended;
}

Status ProbeChroot(const std::string& scratch) {
  static const Status probed = ProbeInChild(scratch);
  return probed;
}

}  // namespace strake::builder::sandbox
