#include "builder/sandbox/chroot_sandbox.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/sandbox/ask_child.h"
#include "builder/sandbox/chroot_root.h"
#include "builder/sandbox/emulators.h"
#include "builder/sandbox/memory_file.h"
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
  if (spec.network_namespace >= 0) {
    return Unsupported(
        "isolation chroot cannot give a process another network; that takes an "
        "isolation with namespaces (see strake doctor)");
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

// What failed, in a child; null: nothing.
const char* TryChroot(const char* folder) {
  const Result<UniqueFd> file = MakeMemoryFile("probe");
  if (!file) return "memfd_create";
  if (fchown(file->get(), 1, 1) != 0) return "chown to another user";
  // On the overlay of a container the node 0:0 is refused, and others are not.
  const int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (mknodat(fd, "null", S_IFCHR | 0600, makedev(1, 3)) != 0) {
    return "mknod of a character device";
  }
  if (chroot("/") != 0) return "chroot";
  if (syscall(SYS_setgroups, 0, nullptr) != 0) return "setgroups";
  if (syscall(SYS_setresgid, 1, 1, 1) != 0) return "setresgid";
  if (syscall(SYS_setresuid, 1, 1, 1) != 0) return "setresuid";
  return nullptr;
}

constexpr std::string_view kWorks = "works";

Status ProbeInChild(const std::string& scratch) {
  ASSIGN_OR_RETURN(const ScratchDirectory folder,
                   ScratchDirectory::Make(scratch));
  ASSIGN_OR_RETURN(const std::string said, AskChild([&] {
                     const char* failed = TryChroot(folder.path().c_str());
                     if (failed == nullptr) return std::string(kWorks);
                     return std::string(failed) + ": " + std::strerror(errno);
                   }));
  if (said == kWorks) return {};
  return Unsupported(said);
}

}  // namespace

Result<ExitStatus> ChrootSandbox::Run(const ProcessSpec& spec,
                                      const OutputCallback& on_output,
                                      std::stop_token stop) {
  RETURN_IF_ERROR(CheckSpec(spec));
  RETURN_IF_ERROR(CheckForChroot(spec));
  RETURN_IF_ERROR(PrepareEmulation(spec, Emulation::kKernelOnly));
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
