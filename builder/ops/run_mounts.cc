#include "builder/ops/run_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "builder/ops/copy_op.h"
#include "oci/digest.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"

namespace strake::builder::ops {
namespace {

using plan::RunMount;

// As with BuildKit, caches of one id that begin differently are different: by
// what they are filled from, and by the owner and mode of their folder.
std::string NameOfCache(const RunMount& mount, std::string_view from) {
  std::string identity = mount.id;
  identity += '\0';
  identity += std::to_string(mount.mode) + ":" + std::to_string(mount.uid) +
              ":" + std::to_string(mount.gid);
  identity += from;
  return oci::Digest::Of(identity).Hex().substr(0, 32);
}

// Held by whoever makes the folder of a cache, or has it for itself.
std::string LockOfCache(const std::string& folder) { return folder + ".lock"; }

// Held by all who share it.
std::string SharersOfCache(const std::string& folder) {
  return folder + ".sharers";
}

class Opener {
 public:
  Opener(const ExecuteRequest& request, const ExecuteEnvironment& environment)
      : request_(request), environment_(environment) {}

  Result<RunMounts> Open(const plan::RunOp& op) {
    // The mounts come first, the scripts last: a script may lie in a mount.
    for (const RunMount& mount : op.mounts) {
      if (auto added = Add(mount); !added) {
        return std::move(added).error().Wrap(
            "--mount at " + (mount.target.empty() ? mount.env : mount.target));
      }
    }
    for (const plan::RunOp::Script& script : op.scripts) {
      sandbox::Mount file;
      file.kind = sandbox::Mount::Kind::kFile;
      file.target = script.path;
      file.content = script.content;
      file.mode = 0755;
      file.read_only = true;
      result_.mounts.push_back(std::move(file));
    }
    return std::move(result_);
  }

 private:
  Status Add(const RunMount& mount) {
    switch (mount.kind) {
      case RunMount::Kind::kBind:
        return AddBind(mount);
      case RunMount::Kind::kCache:
        return AddCache(mount);
      case RunMount::Kind::kTmpfs: {
        sandbox::Mount tmpfs;
        tmpfs.kind = sandbox::Mount::Kind::kTmpfs;
        tmpfs.target = mount.target;
        tmpfs.size_bytes = mount.size_bytes;
        result_.mounts.push_back(std::move(tmpfs));
        return {};
      }
      case RunMount::Kind::kSecret:
        return AddSecret(mount);
      case RunMount::Kind::kSsh:
        return AddSsh(mount);
    }
    return Internal("unknown kind of mount");
  }

  Status AddBind(const RunMount& mount) {
    const snapshot::SnapshotId& input = request_.inputs[mount.input];
    snapshot::MountedRoot root;
    if (mount.read_only) {
      ASSIGN_OR_RETURN(root, environment_.snapshotter.View(input));
    } else {
      // What the step writes here is thrown away.
      ASSIGN_OR_RETURN(auto scratch, environment_.snapshotter.Prepare(input));
      ASSIGN_OR_RETURN(root, environment_.snapshotter.Mount(*scratch));
      result_.scratch.push_back(std::move(scratch));
    }
    ASSIGN_OR_RETURN(std::string source,
                     ResolveInRoot(root.fd.get(), mount.source));
    ASSIGN_OR_RETURN(std::optional<struct stat> found,
                     StatInRoot(root.fd.get(), source, FollowLast::kNo));
    if (!found) return NotFound("\"" + mount.source + "\": not found");
    sandbox::Mount bind;
    bind.target = mount.target;
    bind.read_only = mount.read_only;
    bind.writes = sandbox::Mount::Writes::kDiscarded;
    if (root.path.empty()) {
      bind.source_mount_fd = root.fd.get();
      bind.source_subpath = source;
    } else {
      bind.source_path = source.empty() ? root.path : root.path + "/" + source;
    }
    if (environment_.sandbox.emulates_owners() ||
        environment_.sandbox.emulates_devices()) {
      ASSIGN_OR_RETURN(OwnershipJournal owners,
                       environment_.snapshotter.Journal(input));
      result_.owners.push_back(
          std::make_unique<OwnershipJournal>(owners.Subtree(source)));
      bind.journal = result_.owners.back().get();
    }
    result_.mounts.push_back(std::move(bind));
    result_.roots.push_back(std::move(root));
    return {};
  }

  Status AddCache(const RunMount& mount) {
    ASSIGN_OR_RETURN(std::string folder, ClaimCacheFolder(mount));
    sandbox::Mount bind;
    bind.target = mount.target;
    bind.read_only = mount.read_only;
    if (environment_.sandbox.emulates_owners()) {
      ASSIGN_OR_RETURN(CacheOwners owners, CacheOwners::Load(folder));
      result_.cache_owners.push_back(
          std::make_unique<CacheOwners>(std::move(owners)));
      bind.journal = &result_.cache_owners.back()->journal();
    }
    bind.source_path = std::move(folder);
    bind.writes = sandbox::Mount::Writes::kCache;
    result_.mounts.push_back(std::move(bind));
    return {};
  }

  std::string CacheName(const RunMount& mount) const {
    if (mount.from != RunMount::From::kInput) return NameOfCache(mount, "");
    return NameOfCache(mount,
                       ":" + request_.inputs[mount.input] + mount.source);
  }

  // The folder of a cache, made and locked as its sharing mode says.
  Result<std::string> ClaimCacheFolder(const RunMount& mount) {
    std::string base =
        environment_.cache_mounts_directory + "/" + CacheName(mount);
    using Mode = FileLock::Mode;
    if (mount.sharing != RunMount::Sharing::kPrivate) {
      // Made under a lock, used under it only where it is `locked`.
      {
        ASSIGN_OR_RETURN(FileLock lock, FileLock::Acquire(LockOfCache(base),
                                                          Mode::kExclusive));
        RETURN_IF_ERROR(MakeCacheFolder(base, mount));
        MarkUsed(lock);
        if (mount.sharing == RunMount::Sharing::kLocked) {
          result_.locks.push_back(std::move(lock));
          return base;
        }
      }
      ASSIGN_OR_RETURN(FileLock sharing,
                       FileLock::Acquire(SharersOfCache(base), Mode::kShared));
      result_.locks.push_back(std::move(sharing));
      return base;
    }
    for (int number = 0;; ++number) {
      std::string folder = base + ".private" + std::to_string(number);
      ASSIGN_OR_RETURN(
          std::optional<FileLock> lock,
          FileLock::TryAcquire(folder + ".lock", Mode::kExclusive));
      if (!lock) continue;
      RETURN_IF_ERROR(MakeCacheFolder(folder, mount));
      MarkUsed(*lock);
      result_.locks.push_back(*std::move(lock));
      return folder;
    }
  }

  // When a cache was used last is told by its lock's time.
  static void MarkUsed(const FileLock& lock) {
    (void)::futimens(lock.fd(), nullptr);
  }

  // A new cache has the content of `from`, and the mode and owner asked for; an
  // old one stays as it is.
  Status MakeCacheFolder(const std::string& folder, const RunMount& mount) {
    struct stat status = {};
    if (::stat(folder.c_str(), &status) == 0) return {};
    std::string aside = folder + ".new";
    RETURN_IF_ERROR(RemoveAllAtPath(aside));
    if (::mkdir(aside.c_str(), 0755) != 0) return ErrnoError("mkdir " + aside);
    OwnershipJournal owners;
    if (mount.from == RunMount::From::kInput) {
      RETURN_IF_ERROR(FillCacheFolder(aside, mount, owners));
    } else if (environment_.restore_cache_mount) {
      RETURN_IF_ERROR(RestoreCacheFolder(aside, CacheName(mount), owners));
    }
    RETURN_IF_ERROR(environment_.sandbox.emulates_owners()
                        ? RecordOwner(aside, folder, mount, std::move(owners))
                        : GiveAway(aside, mount));
    if (::rename(aside.c_str(), folder.c_str()) != 0) {
      return ErrnoError("rename " + aside);
    }
    return {};
  }

  static Status GiveAway(const std::string& folder, const RunMount& mount) {
    if (::chmod(folder.c_str(), mount.mode) != 0) {
      return ErrnoError("chmod " + folder);
    }
    if ((mount.uid != 0 || mount.gid != 0) &&
        ::chown(folder.c_str(), mount.uid, mount.gid) != 0) {
      return ErrnoError("give the cache mount to " + std::to_string(mount.uid) +
                        ":" + std::to_string(mount.gid));
    }
    return {};
  }

  // What the folder `made` is to be as `folder`, with `owners` for what is in
  // it; on disk it stays ours to use.
  static Status RecordOwner(const std::string& made, const std::string& folder,
                            const RunMount& mount, OwnershipJournal owners) {
    if (::chmod(made.c_str(), mount.mode | 0700) != 0) {
      return ErrnoError("chmod " + made);
    }
    VirtualMetadata top;
    top.mode = S_IFDIR | mount.mode;
    top.uid = mount.uid;
    top.gid = mount.gid;
    owners.Set("", std::move(top));
    return CacheOwners::Start(folder, owners);
  }

  Status FillCacheFolder(const std::string& folder, const RunMount& mount,
                         OwnershipJournal& owners) {
    plan::CopyOp copy;
    plan::CopySource source;
    source.kind = plan::CopySource::Kind::kInput;
    source.input = mount.input;
    source.pattern = mount.source.substr(1);
    copy.sources.push_back(std::move(source));
    copy.destination = "/";
    std::vector<std::unique_ptr<OpenSource>> opened;
    ASSIGN_OR_RETURN(
        context::CopyInputs inputs,
        OpenCopyInputs(copy, request_.inputs, environment_.contexts,
                       environment_.snapshotter, opened));
    ASSIGN_OR_RETURN(UniqueFd root,
                     OpenFile(folder.c_str(), O_RDONLY | O_DIRECTORY));
    WriteTarget target;
    target.root = root.get();
    target.journal = &owners;
    target.journal_use = environment_.snapshotter.journal_use();
    CopyEnvironment copy_environment;
    copy_environment.stop = request_.stop;
    ASSIGN_OR_RETURN(auto summary,
                     ExecuteCopy(copy, inputs, target, copy_environment));
    (void)summary;
    return {};
  }

  // What cannot be had, or is damaged, is as if it were not there.
  Status RestoreCacheFolder(const std::string& folder, const std::string& name,
                            OwnershipJournal& owners) {
    ASSIGN_OR_RETURN(UniqueFd root,
                     OpenFile(folder.c_str(), O_RDONLY | O_DIRECTORY));
    oci::LayerApplyOptions options;
    options.journal = &owners;
    options.journal_use = environment_.snapshotter.journal_use();
    auto restored = environment_.restore_cache_mount(name, root.get(), options);
    if (restored) return {};
    if (request_.on_warning) {
      request_.on_warning("a cache mount begins empty: " +
                          restored.error().message());
    }
    owners = OwnershipJournal();
    RETURN_IF_ERROR(RemoveAllAtPath(folder));
    if (::mkdir(folder.c_str(), 0755) != 0)
      return ErrnoError("mkdir " + folder);
    return {};
  }

  Status AddSecret(const RunMount& mount) {
    const std::string* value = environment_.secrets.Find(mount.id);
    if (value == nullptr) {
      if (!mount.required) return {};
      return NotFound("secret " + mount.id +
                      ": not found; give it with --secret id=" + mount.id +
                      ",src=FILE");
    }
    if (!mount.env.empty()) {
      result_.secret_env.push_back(mount.env + "=" + *value);
    }
    if (mount.target.empty()) return {};
    sandbox::Mount file;
    file.kind = sandbox::Mount::Kind::kFile;
    file.target = mount.target;
    file.content = *value;
    file.mode = mount.mode;
    file.uid = mount.uid;
    file.gid = mount.gid;
    file.read_only = true;
    result_.mounts.push_back(std::move(file));
    return {};
  }

  Status AddSsh(const RunMount& mount) {
    const auto& sockets = environment_.secrets.ssh_sockets;
    auto it = sockets.find(mount.id);
    if (it == sockets.end()) {
      if (!mount.required) return {};
      return NotFound("no SSH agent " + mount.id + ": give it with --ssh " +
                      mount.id);
    }
    sandbox::Mount bind;
    bind.target = mount.target;
    bind.source_path = it->second;
    result_.mounts.push_back(std::move(bind));
    return {};
  }

  const ExecuteRequest& request_;
  const ExecuteEnvironment& environment_;
  RunMounts result_;
};

}  // namespace

Result<std::vector<FileLock>> LockSharedCache(const std::string& folder) {
  std::vector<FileLock> locks;
  for (const std::string& path :
       {SharersOfCache(folder), LockOfCache(folder)}) {
    ASSIGN_OR_RETURN(FileLock lock,
                     FileLock::Acquire(path, FileLock::Mode::kExclusive));
    locks.push_back(std::move(lock));
  }
  return locks;
}

std::optional<std::string> SharedCacheName(const RunMount& mount) {
  const bool is_shared = mount.kind == RunMount::Kind::kCache &&
                         mount.from != RunMount::From::kInput &&
                         mount.sharing != RunMount::Sharing::kPrivate;
  if (!is_shared) return {};
  return NameOfCache(mount, "");
}

Result<RunMounts> OpenRunMounts(const plan::RunOp& op,
                                const ExecuteRequest& request,
                                const ExecuteEnvironment& environment) {
  return Opener(request, environment).Open(op);
}

}  // namespace strake::builder::ops
