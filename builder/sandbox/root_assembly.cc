// The mounts are made by a thread of this process rather than by the child
// between clone and exec: here memory may be allocated, paths be resolved by
// `util/rooted_fs`, and errors be told in words. The thread takes new
// namespaces, which end with it but for the descriptors it leaves; the child
// then joins them with setns(2).
//
// The new root is attached *over* "/" of the private mount namespace. The
// thread's own root directory stays the host's, so host paths still resolve,
// and no directory of the host is needed as a mount point. pivot_root(".", ".")
// then swaps the two, and the host's tree is detached from below.

#include "builder/sandbox/root_assembly.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <vector>

#include "builder/sandbox/mount_api.h"
#include "builder/sandbox/network.h"
#include "builder/sandbox/system_mounts.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/thread.h"

namespace strake::builder::sandbox {
namespace {

// One assembly; lives in the helper thread.
class Assembly {
 public:
  Assembly(const ProcessSpec& spec, MountStubs& stubs)
      : spec_(spec), stubs_(stubs) {}

  Result<AssembledRoot> Run() {
    RETURN_IF_ERROR(EnterNamespaces());
    RETURN_IF_ERROR(PrepareSources());
    RETURN_IF_ERROR(AttachRoot());
    // From here on `root_` is where the sandbox's "/" will be, and paths in it
    // resolve through its mounts.
    RETURN_IF_ERROR(MountSystem());
    RETURN_IF_ERROR(MountEtcFiles());
    for (size_t i = 0; i < spec_.mounts.size(); ++i) {
      Status mounted = MountOne(spec_.mounts[i], sources_[i].get());
      if (!mounted) {
        return std::move(mounted).error().Wrap("mount at " +
                                               spec_.mounts[i].target);
      }
    }
    RETURN_IF_ERROR(Pivot());
    return std::move(assembled_);
  }

 private:
  Status EnterNamespaces();
  Status PrepareSources();
  Result<UniqueFd> PrepareSource(const Mount& mount, size_t index);
  Result<UniqueFd> PrepareFile(const Mount& mount, const std::string& name);
  Status Stage(int mount);
  Status AttachRoot();
  Status MountSystem();
  Status MountEtcFiles();
  Status MountOne(const Mount& mount, int source);
  Status Pivot();

  const ProcessSpec& spec_;
  MountStubs& stubs_;
  AssembledRoot assembled_;
  UniqueFd staging_;               // a tmpfs that holds generated files
  std::vector<UniqueFd> sources_;  // one detached mount for each of `mounts`
  std::vector<int> staged_;        // the caller's mounts that are attached
  UniqueFd owned_root_;
  int root_ = -1;
};

Status Assembly::EnterNamespaces() {
  int namespaces = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
  const bool own_network =
      spec_.network_namespace < 0 && spec_.network == Network::kNone;
  if (own_network) namespaces |= CLONE_NEWNET;
  if (unshare(namespaces) != 0) {
    return ErrnoError("unshare the namespaces of the sandbox");
  }
  // Before /sys is mounted, which shows the network of whoever mounts it.
  if (spec_.network_namespace >= 0 &&
      setns(spec_.network_namespace, CLONE_NEWNET) != 0) {
    return ErrnoError("enter the network of the run");
  }
  umask(0);  // this thread's own from here on
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return ErrnoError("mount(MS_PRIVATE) of the sandbox's copy of the mounts");
  }
  const auto open = [](const char* name) {
    return OpenFile((std::string("/proc/thread-self/ns/") + name).c_str(),
                    O_RDONLY);
  };
  ASSIGN_OR_RETURN(assembled_.mount_namespace, open("mnt"));
  ASSIGN_OR_RETURN(assembled_.ipc_namespace, open("ipc"));
  ASSIGN_OR_RETURN(assembled_.uts_namespace, open("uts"));
  if (own_network || spec_.network_namespace >= 0) {
    ASSIGN_OR_RETURN(assembled_.network_namespace, open("net"));
  }
  if (own_network) RETURN_IF_ERROR(BringLoopbackUp());
  if (!spec_.hostname.empty() &&
      sethostname(spec_.hostname.data(), spec_.hostname.size()) != 0) {
    return ErrnoError("set the host name " + spec_.hostname);
  }
  Result<UniqueFd> host_proc = CloneTree(AT_FDCWD, "/proc");
  if (host_proc) assembled_.host_proc = std::move(host_proc).value();
  return {};
}

// A detached mount cannot be copied in part before Linux 6.15, an attached one
// can: so it is attached over "/" first, below what will be the root.
Status Assembly::Stage(int mount) {
  if (std::ranges::find(staged_, mount) != staged_.end()) return {};
  RETURN_IF_ERROR(AttachOverRoot(mount));
  RETURN_IF_ERROR(MakePrivate(mount));
  staged_.push_back(mount);
  return {};
}

Status Assembly::PrepareSources() {
  ASSIGN_OR_RETURN(staging_,
                   NewTmpfs("755", 0, {.nosuid = true, .nodev = true}));
  RETURN_IF_ERROR(Stage(staging_.get()));
  for (size_t i = 0; i < spec_.mounts.size(); ++i) {
    Result<UniqueFd> source = PrepareSource(spec_.mounts[i], i);
    if (!source) {
      return std::move(source).error().Wrap("mount at " +
                                            spec_.mounts[i].target);
    }
    sources_.push_back(std::move(source).value());
  }
  return {};
}

Result<UniqueFd> Assembly::PrepareSource(const Mount& mount, size_t index) {
  switch (mount.kind) {
    case Mount::Kind::kTmpfs:
      return NewTmpfs("1777", mount.size_bytes, {.nosuid = true});
    case Mount::Kind::kFile:
      return PrepareFile(mount, "file" + std::to_string(index));
    case Mount::Kind::kBind:
      break;
  }
  if (mount.source_mount_fd < 0 && mount.source_subpath.empty()) {
    return CloneTree(AT_FDCWD, mount.source_path);
  }
  UniqueFd directory;
  int base = mount.source_mount_fd;
  if (base >= 0) {
    RETURN_IF_ERROR(Stage(base));
  } else {
    ASSIGN_OR_RETURN(directory,
                     OpenFile(mount.source_path.c_str(), O_PATH | O_DIRECTORY));
    base = directory.get();
  }
  ASSIGN_OR_RETURN(UniqueFd place,
                   OpenInRoot(base, mount.source_subpath, O_PATH));
  return CloneTree(place.get(), "");
}

Result<UniqueFd> Assembly::PrepareFile(const Mount& mount,
                                       const std::string& name) {
  ASSIGN_OR_RETURN(UniqueFd file, OpenFileAt(staging_.get(), name.c_str(),
                                             O_CREAT | O_EXCL | O_RDWR, 0600));
  FdSink sink(file.get());
  RETURN_IF_ERROR(sink.Write(mount.content));
  if ((mount.uid != 0 || mount.gid != 0) &&
      fchown(file.get(), mount.uid, mount.gid) != 0) {
    if (errno != EINVAL) return ErrnoError("chown");
    return Unsupported("owner " + std::to_string(mount.uid) + ":" +
                       std::to_string(mount.gid) +
                       " is not mapped in this user namespace");
  }
  if (fchmod(file.get(), mount.mode & 07777) != 0) return ErrnoError("chmod");
  return CloneTree(staging_.get(), name);
}

Status Assembly::AttachRoot() {
  if (spec_.root.mount_fd >= 0) {
    root_ = spec_.root.mount_fd;
  } else {
    ASSIGN_OR_RETURN(owned_root_, CloneTree(AT_FDCWD, spec_.root.path));
    root_ = owned_root_.get();
  }
  Status attached = AttachOverRoot(root_);
  if (!attached) return std::move(attached).error().Wrap("attach the root");
  return MakePrivate(root_);
}

Status Assembly::MountSystem() {
  ASSIGN_OR_RETURN(assembled_.proc_target,
                   stubs_.Open(root_, "/proc", MountStubs::Kind::kDirectory));
  if (assembled_.host_proc) {
    RETURN_IF_ERROR(AttachMount(assembled_.host_proc.get(),
                                assembled_.proc_target.get(), "/proc"));
  }
  ASSIGN_OR_RETURN(assembled_.dev_null, MountDev(root_, stubs_));
  return MountSys(root_, stubs_, spec_.insecure);
}

Status Assembly::MountEtcFiles() {
  struct statvfs root {};
  if (fstatvfs(root_, &root) != 0) return ErrnoError("fstatvfs of the root");
  const bool read_only = (root.f_flag & ST_RDONLY) != 0;
  Mount hosts;
  hosts.kind = Mount::Kind::kFile;
  hosts.target = "/etc/hosts";
  hosts.content = HostsFile(spec_);
  hosts.mode = 0644;
  Mount resolver = hosts;
  resolver.target = "/etc/resolv.conf";
  resolver.content = ResolvConf(spec_);
  for (const Mount& file : {hosts, resolver}) {
    if (read_only) {
      // No mount point can be made in such a root; the step does without.
      ASSIGN_OR_RETURN(std::optional<struct stat> found,
                       StatInRoot(root_, file.target, FollowLast::kYes));
      if (!found) continue;
    }
    const std::string name = file.target.substr(sizeof("/etc/") - 1);
    ASSIGN_OR_RETURN(UniqueFd source, PrepareFile(file, name));
    RETURN_IF_ERROR(MountOne(file, source.get()));
  }
  return {};
}

Status Assembly::MountOne(const Mount& mount, int source) {
  struct stat what {};
  if (fstat(source, &what) != 0) return ErrnoError("fstat of the source");
  ASSIGN_OR_RETURN(
      UniqueFd target,
      stubs_.Open(root_, mount.target,
                  S_ISDIR(what.st_mode) ? MountStubs::Kind::kDirectory
                                        : MountStubs::Kind::kFile));
  ReadOnlyDone read_only = ReadOnlyDone::kYes;
  if (mount.read_only) {
    ASSIGN_OR_RETURN(read_only, MakeReadOnly(source));
  }
  RETURN_IF_ERROR(AttachMount(source, target.get(), mount.target));
  if (read_only == ReadOnlyDone::kAfterAttaching) {
    return MakeAttachedReadOnly(source);
  }
  return {};
}

Status Assembly::Pivot() {
  if (fchdir(root_) != 0) return ErrnoError("fchdir to the new root");
  if (syscall(SYS_pivot_root, ".", ".") != 0) {
    return ErrnoError("pivot_root");
  }
  // The old root now lies over the new one, and over it what was staged there:
  // one after the other, they are what "." leads to.
  for (size_t i = 0; i < staged_.size() + 1; ++i) {
    if (umount2(".", MNT_DETACH) != 0) {
      return ErrnoError("umount the old root");
    }
  }
  return {};
}

}  // namespace

Result<AssembledRoot> AssembleRoot(const ProcessSpec& spec, MountStubs& stubs) {
  std::optional<Result<AssembledRoot>> result;
  RETURN_IF_ERROR(RunInThread([&] { result = Assembly(spec, stubs).Run(); }));
  return std::move(*result);
}

}  // namespace strake::builder::sandbox
