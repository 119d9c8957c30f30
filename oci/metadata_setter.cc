#include "oci/metadata_setter.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

// Whether file permissions do not concern this process.
bool HasDacOverride() {
  __user_cap_header_struct header = {};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return false;
  return (data[0].effective & (1u << CAP_DAC_OVERRIDE)) != 0;
}

// They say how an overlay mount was put together and are no property of the
// image; set here they would steer *our* overlay.
bool IsOverlayXattr(std::string_view name) {
  return name.starts_with("trusted.overlay.") ||
         name.starts_with("user.overlay.");
}

timespec ToTimespec(std::chrono::nanoseconds time) {
  auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  timespec result = {};
  result.tv_sec = static_cast<time_t>(seconds.count());
  result.tv_nsec = static_cast<long>((time - seconds).count());
  return result;
}

}  // namespace

// How to reach the file: by its descriptor, or by name where opening it would
// do something (devices, fifos) or is impossible (symlinks).
struct MetadataSetter::Target {
  int fd = -1;
  int directory = -1;
  const char* name = nullptr;

  int ChangeOwner(uid_t uid, gid_t gid) const {
    return fd >= 0 ? ::fchown(fd, uid, gid)
                   : ::fchownat(directory, name, uid, gid, AT_SYMLINK_NOFOLLOW);
  }
  int ChangeMode(mode_t mode) const {
    return fd >= 0 ? ::fchmod(fd, mode) : ::fchmodat(directory, name, mode, 0);
  }
  int SetXattr(const char* key, const std::string& value) const {
    if (fd >= 0) return ::fsetxattr(fd, key, value.data(), value.size(), 0);
    std::string path =
        "/proc/self/fd/" + std::to_string(directory) + "/" + name;
    return ::lsetxattr(path.c_str(), key, value.data(), value.size(), 0);
  }
  int SetTime(std::chrono::nanoseconds mtime) const {
    timespec times[2] = {};
    times[0].tv_nsec = UTIME_OMIT;
    times[1] = ToTimespec(mtime);
    return fd >= 0 ? ::futimens(fd, times)
                   : ::utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW);
  }
};

MetadataSetter::MetadataSetter(OwnershipJournal* journal, JournalUse use)
    : journal_(journal),
      // Where a plain user's own files are root's, nobody else's can be.
      records_all_(journal != nullptr &&
                   (use == JournalUse::kAll || ::geteuid() != 0)),
      opens_up_(journal != nullptr && (records_all_ || !HasDacOverride())) {}

bool MetadataSetter::Recordable(int error) const {
  return journal_ != nullptr &&
         (error == EPERM || error == EINVAL || error == EOPNOTSUPP);
}

Status MetadataSetter::SetFile(int fd, const std::string& path,
                               const FileMetadata& metadata) const {
  Target target;
  target.fd = fd;
  RETURN_IF_ERROR(Set(target, path, metadata, false));
  if (target.SetTime(metadata.mtime) == 0) return {};
  return ErrnoError("cannot set its time");
}

Status MetadataSetter::SetDirectory(int fd, const std::string& path,
                                    const FileMetadata& metadata) const {
  Target target;
  target.fd = fd;
  return Set(target, path, metadata, false);
}

Status MetadataSetter::SetSpecial(int directory, const std::string& name,
                                  const std::string& path,
                                  const FileMetadata& metadata,
                                  bool is_stand_in) const {
  Target target;
  target.directory = directory;
  target.name = name.c_str();
  RETURN_IF_ERROR(Set(target, path, metadata, is_stand_in));
  if (target.SetTime(metadata.mtime) == 0) return {};
  return ErrnoError("cannot set its time");
}

// The order matters: chown(2) clears set-user-ID bits and file capabilities.
Status MetadataSetter::Set(const Target& target, const std::string& path,
                           const FileMetadata& metadata,
                           bool must_record) const {
  VirtualMetadata meant;
  meant.mode = metadata.mode;
  meant.uid = metadata.uid;
  meant.gid = metadata.gid;
  if (S_ISCHR(metadata.mode) || S_ISBLK(metadata.mode)) {
    meant.rdev = metadata.rdev;
  }
  bool record = must_record;

  mode_t mode = metadata.mode & 07777;
  bool foreign = records_all_ && (metadata.uid != 0 || metadata.gid != 0);
  // Even what stays ours may have got a group from a set-group-ID directory.
  if (target.ChangeOwner(UidOnDisk(foreign ? 0 : metadata.uid),
                         GidOnDisk(foreign ? 0 : metadata.gid)) != 0) {
    if (!Recordable(errno)) {
      return ErrnoError("cannot give it to owner " +
                        std::to_string(metadata.uid) + ":" +
                        std::to_string(metadata.gid));
    }
    foreign = true;
  }
  if (foreign) {
    record = true;
    // Set-user-ID would now mean the caller.
    mode &= 0777;
  }
  if (!S_ISLNK(metadata.mode)) {
    if (opens_up_) {
      mode_t open = mode | (S_ISDIR(metadata.mode) ? 0700 : 0600);
      record |= open != mode;
      mode = open;
    }
    if (target.ChangeMode(mode) != 0) return ErrnoError("cannot set its mode");
  }
  for (const auto& [name, value] : metadata.xattrs) {
    if (IsOverlayXattr(name)) continue;
    if (!records_all_ || name.starts_with("user.")) {
      if (target.SetXattr(name.c_str(), value) == 0) continue;
      if (!Recordable(errno)) {
        return ErrnoError("cannot set its extended attribute " + GoQuote(name));
      }
    }
    record = true;
    meant.xattrs.emplace(name, value);
  }
  // An entry that is there belongs to a directory that this one merges with.
  if (journal_ != nullptr && (record || journal_->Find(path) != nullptr)) {
    journal_->Set(path, std::move(meant));
  }
  return {};
}

}  // namespace strake::oci
