#include "builder/sandbox/chroot_root.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "builder/sandbox/device_nodes.h"
#include "builder/sandbox/network.h"
#include "util/byte_stream.h"
#include "util/file_copy.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/tree_copy.h"

namespace strake::builder::sandbox {
namespace {

Status MakeDevice(int dev, const DeviceNode& device) {
  const std::string what = std::string("/dev/") + device.name;
  if (mknodat(dev, device.name, S_IFCHR | 0666,
              makedev(device.major, device.minor)) != 0) {
    return ErrnoError("mknod " + what);
  }
  if (fchmodat(dev, device.name, 0666, 0) != 0) {
    return ErrnoError("chmod " + what);
  }
  return {};
}

Status FillDev(int dev) {
  for (const DeviceNode& device : kDeviceNodes) {
    RETURN_IF_ERROR(MakeDevice(dev, device));
  }
  // A store on a file system that is mounted "nodev" holds devices that nobody
  // can open.
  if (Result<UniqueFd> opened = OpenFileAt(dev, "null", O_RDWR); !opened) {
    return Unsupported(
        "the store's file system lets nobody open devices (mounted nodev?), "
        "which isolation chroot needs: " +
        opened.error().message() +
        ". Put the store elsewhere with STRAKE_HOME");
  }
  // They lead nowhere while /proc is empty; programs look whether they are
  // there.
  for (const DeviceLink& link : kDeviceLinks) {
    RETURN_IF_ERROR(MakeDeviceLink(dev, link));
  }
  for (const char* name : {"pts", "shm", "mqueue"}) {
    const mode_t mode = name[0] == 'p' ? 0755 : 01777;
    if (mkdirat(dev, name, mode) != 0 || fchmodat(dev, name, mode, 0) != 0) {
      return ErrnoError(std::string("mkdir /dev/") + name);
    }
  }
  return {};
}

Status PutFile(RootCovers& covers, const std::string& target,
               std::string_view content, const Mount& like) {
  ASSIGN_OR_RETURN(UniqueFd file, covers.CoverWithFile(target, 0600));
  RETURN_IF_ERROR(WriteFully(file.get(), std::as_bytes(std::span(content))));
  if ((like.uid != 0 || like.gid != 0) &&
      fchown(file.get(), like.uid, like.gid) != 0) {
    return ErrnoError("chown " + target);
  }
  if (fchmod(file.get(), like.mode & 07777) != 0) {
    return ErrnoError("chmod " + target);
  }
  return {};
}

Status CopyAttributes(const struct stat& from, int to) {
  FileAttributes attributes;
  attributes.uid = from.st_uid;
  attributes.gid = from.st_gid;
  attributes.mode = from.st_mode & 07777;
  attributes.set_mtime = true;
  attributes.mtime = from.st_mtim;
  return SetAttributesAt(to, ".", attributes);
}

// Fills the empty directory `to` with what is in `from`, and makes it equal.
Status CopyDirectory(int from, int to) {
  struct stat found = {};
  if (fstat(from, &found) != 0) return ErrnoError("fstat");
  RETURN_IF_ERROR(CopyTree(from, to));
  return CopyAttributes(found, to);
}

// A path of the host, or one below it that stays inside.
Result<UniqueFd> OpenSource(const Mount& mount, int flags) {
  if (mount.source_subpath.empty()) {
    return OpenFile(mount.source_path.c_str(), flags);
  }
  ASSIGN_OR_RETURN(UniqueFd base,
                   OpenFile(mount.source_path.c_str(), O_PATH | O_DIRECTORY));
  return OpenInRoot(base.get(), mount.source_subpath, flags);
}

Status CheckBind(const Mount& mount) {
  if (mount.source_mount_fd >= 0) {
    return Unsupported(
        "isolation chroot cannot show an overlay: use --snapshotter plain");
  }
  if (!mount.read_only && mount.writes == Mount::Writes::kShared) {
    return Unsupported(
        "isolation chroot can only copy " + mount.source_path +
        ", and what the process writes would be lost: mount it read-only, or "
        "use an isolation that can mount (see strake doctor)");
  }
  return {};
}

Status CopyBind(const Mount& mount, RootCovers& covers) {
  RETURN_IF_ERROR(CheckBind(mount));
  // Not opened for reading at once: it may be a FIFO or a device.
  ASSIGN_OR_RETURN(UniqueFd place, OpenSource(mount, O_PATH));
  struct stat found = {};
  if (fstat(place.get(), &found) != 0) return ErrnoError("fstat");
  if (S_ISDIR(found.st_mode)) {
    ASSIGN_OR_RETURN(UniqueFd from, OpenSource(mount, O_RDONLY | O_DIRECTORY));
    ASSIGN_OR_RETURN(UniqueFd to,
                     covers.CoverWithDirectory(mount.target, 0700));
    return CopyDirectory(from.get(), to.get());
  }
  if (!S_ISREG(found.st_mode)) {
    return Unsupported("isolation chroot cannot show " + mount.source_path +
                       ", which is a socket, a device or a pipe");
  }
  ASSIGN_OR_RETURN(UniqueFd from, OpenSource(mount, O_RDONLY));
  ASSIGN_OR_RETURN(UniqueFd to, covers.CoverWithFile(mount.target, 0600));
  ASSIGN_OR_RETURN(uint64_t size, CopyFileContents(from.get(), to.get()));
  static_cast<void>(size);
  const timespec times[2] = {found.st_mtim, found.st_mtim};
  if (fchown(to.get(), found.st_uid, found.st_gid) != 0 ||
      fchmod(to.get(), found.st_mode & 07777) != 0 ||
      futimens(to.get(), times) != 0) {
    return ErrnoError("attributes of " + mount.target);
  }
  return {};
}

Status PutMount(const Mount& mount, RootCovers& covers) {
  switch (mount.kind) {
    case Mount::Kind::kBind:
      return CopyBind(mount, covers);
    case Mount::Kind::kTmpfs: {
      ASSIGN_OR_RETURN(UniqueFd made,
                       covers.CoverWithDirectory(mount.target, 01777));
      return {};
    }
    case Mount::Kind::kFile:
      return PutFile(covers, mount.target, mount.content, mount);
  }
  return Internal("unknown kind of mount");
}

bool IsCache(const Mount& mount) {
  return mount.kind == Mount::Kind::kBind && !mount.read_only &&
         mount.writes == Mount::Writes::kCache;
}

// A new folder beside the old one, exchanged with it when it is whole.
Status SaveCache(const Mount& mount, int root) {
  Result<UniqueFd> from =
      OpenInRoot(root, mount.target, O_RDONLY | O_DIRECTORY);
  // The step has removed it, which a mount would not have let it do.
  if (!from) return {};
  std::string aside = mount.source_path + ".new-XXXXXX";
  if (mkdtemp(aside.data()) == nullptr) return ErrnoError("mkdtemp " + aside);
  ASSIGN_OR_RETURN(UniqueFd to,
                   OpenFile(aside.c_str(), O_RDONLY | O_DIRECTORY));
  RETURN_IF_ERROR(CopyDirectory(from->get(), to.get()));
  if (renameat2(AT_FDCWD, aside.c_str(), AT_FDCWD, mount.source_path.c_str(),
                RENAME_EXCHANGE) != 0) {
    return ErrnoError("exchange " + aside + " and " + mount.source_path);
  }
  return RemoveAllAtPath(aside);
}

}  // namespace

Result<std::vector<DressedCache>> DressRoot(const ProcessSpec& spec,
                                            RootCovers& covers) {
  // As mounts would do it, whatever the image has there.
  ASSIGN_OR_RETURN(UniqueFd proc, covers.CoverWithDirectory("/proc", 0555));
  ASSIGN_OR_RETURN(UniqueFd dev, covers.CoverWithDirectory("/dev", 0755));
  RETURN_IF_ERROR(FillDev(dev.get()));
  ASSIGN_OR_RETURN(UniqueFd sys, covers.CoverWithDirectory("/sys", 0555));
  std::vector<DressedCache> caches;
  Mount plain;
  plain.mode = 0644;
  RETURN_IF_ERROR(PutFile(covers, "/etc/hosts", HostsFile(spec), plain));
  RETURN_IF_ERROR(PutFile(covers, "/etc/resolv.conf", ResolvConf(spec), plain));
  for (const Mount& mount : spec.mounts) {
    if (Status put = PutMount(mount, covers); !put) {
      return std::move(put).error().Wrap("mount at " + mount.target);
    }
    if (IsCache(mount)) {
      caches.push_back({.mount = &mount, .mark = covers.mark()});
    }
  }
  return caches;
}

Status SaveCaches(const std::vector<DressedCache>& caches, RootCovers& covers,
                  int root) {
  for (auto cache = caches.rbegin(); cache != caches.rend(); ++cache) {
    RETURN_IF_ERROR(covers.RestoreTo(cache->mark));
    if (Status saved = SaveCache(*cache->mount, root); !saved) {
      return std::move(saved).error().Wrap("keep the cache mounted at " +
                                           cache->mount->target);
    }
  }
  return {};
}

}  // namespace strake::builder::sandbox
