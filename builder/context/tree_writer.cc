#include "builder/context/tree_writer.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>

#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::context {
namespace {

constexpr size_t kMaxWarnings = 5;

// Whether permission bits stop this process.
bool LacksDacOverride() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return ::geteuid() != 0;
  return (data[0].effective & (1U << CAP_DAC_OVERRIDE)) == 0;
}

bool IsRefusal(int error) { return error == EPERM || error == EINVAL; }

// The permission bits that a file gets on disk whose meant ones are in the
// journal: nobody's but this process's, which must be able to use it.
uint32_t DiskMode(uint32_t mode) {
  return (mode & 0777) | (S_ISDIR(mode) ? 0700 : 0600);
}

Error FailedOn(const TreePlace& place, const std::string& what, int error) {
  return ErrnoError(what + " /" + place.path, error);
}

}  // namespace

TreeWriter::TreeWriter(int root, OwnershipJournal* journal,
                       const OwnershipJournal* parent_journal, JournalUse use)
    : root_(root),
      journal_(journal),
      parent_journal_(parent_journal),
      // Where a plain user's own files are root's, nobody else's can be.
      records_all_(journal != nullptr &&
                   (use == JournalUse::kAll || ::geteuid() != 0)),
      modes_bind_(records_all_ || LacksDacOverride()) {}

Result<UniqueFd> TreeWriter::CreateFile(const TreePlace& place) {
  auto fd = OpenFileAt(place.directory, place.name.c_str(),
                       O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600);
  if (!fd) return std::move(fd).error().Wrap("create /" + place.path);
  return fd;
}

Status TreeWriter::CreateDirectory(const TreePlace& place) {
  if (::mkdirat(place.directory, place.name.c_str(), 0700) != 0) {
    return FailedOn(place, "make directory", errno);
  }
  return {};
}

Status TreeWriter::CreateSymlink(const TreePlace& place,
                                 const std::string& target) {
  if (::symlinkat(target.c_str(), place.directory, place.name.c_str()) != 0) {
    return FailedOn(place, "make symlink", errno);
  }
  return {};
}

Status TreeWriter::CreateNode(const TreePlace& place,
                              const FileMetadata& metadata) {
  mode_t mode = (metadata.mode & S_IFMT) | 0600;
  bool is_device = S_ISCHR(mode) || S_ISBLK(mode);
  if (!is_device || !records_all_) {
    if (::mknodat(place.directory, place.name.c_str(), mode, metadata.rdev) ==
        0) {
      return {};
    }
    if (!is_device || !IsRefusal(errno) || journal_ == nullptr) {
      return FailedOn(place, is_device ? "make device" : "make special file",
                      errno);
    }
  }
  return CreateFile(place) ? Status()
                           : Status(FailedOn(place, "make device", EPERM));
}

Result<bool> TreeWriter::CreateLink(const TreePlace& place,
                                    std::string_view existing) {
  ASSIGN_OR_RETURN(ParentAndName source, OpenParentInRoot(root_, existing));
  if (::linkat(source.parent.get(), source.name.c_str(), place.directory,
               place.name.c_str(), 0) == 0) {
    RETURN_IF_ERROR(CopyJournalEntry(place, existing));
    return true;
  }
  if (errno == EMLINK || errno == EXDEV || errno == EPERM) return false;
  return FailedOn(place, "link /" + std::string(existing) + " as", errno);
}

Status TreeWriter::CopyJournalEntry(const TreePlace& place,
                                    std::string_view existing) {
  if (journal_ == nullptr) return {};
  const VirtualMetadata* meant = journal_->Find(existing);
  if (meant == nullptr && parent_journal_ != nullptr) {
    meant = parent_journal_->Find(existing);
  }
  if (meant != nullptr) {
    journal_->Set(place.path, VirtualMetadata(*meant));
  } else if (IsSpokenOf(place.path)) {
    struct stat st;
    if (::fstatat(place.directory, place.name.c_str(), &st,
                  AT_SYMLINK_NOFOLLOW) != 0) {
      return FailedOn(place, "stat", errno);
    }
    VirtualMetadata real;
    real.mode = st.st_mode;
    real.uid = VirtualUid(st.st_uid);
    real.gid = VirtualGid(st.st_gid);
    journal_->Set(place.path, std::move(real));
  }
  return {};
}

bool TreeWriter::IsSpokenOf(std::string_view path) const {
  if (journal_ == nullptr) return false;
  return journal_->Find(path) != nullptr ||
         (parent_journal_ != nullptr && parent_journal_->Find(path) != nullptr);
}

void TreeWriter::NoteLostXattr(const TreePlace& place, const std::string& name,
                               int error) {
  if (++lost_xattrs_ > kMaxWarnings) return;
  warnings_.push_back(
      ErrnoError("/" + place.path + " loses its extended attribute " + name,
                 error)
          .message());
}

// The steps of `Finish` on one file.
class TreeWriter::Finisher {
 public:
  Finisher(TreeWriter& writer, const TreePlace& place,
           const FileMetadata& metadata)
      : writer_(writer), place_(place), metadata_(metadata) {}

  Status Run() {
    if (::fstatat(place_.directory, name(), &st_, AT_SYMLINK_NOFOLLOW) != 0) {
      return FailedOn(place_, "stat", errno);
    }
    // A stand-in for a device.
    pretends_ = (st_.st_mode & S_IFMT) != (metadata_.mode & S_IFMT);
    // The time first, while the file is still ours; nothing below changes it.
    struct timespec times[2] = {metadata_.mtime, metadata_.mtime};
    if (::utimensat(place_.directory, name(), times, AT_SYMLINK_NOFOLLOW) !=
        0) {
      return FailedOn(place_, "set the time of", errno);
    }
    RETURN_IF_ERROR(SetOwner());
    // After the owner: a change of owner removes capabilities and set-id bits.
    RETURN_IF_ERROR(SetXattrs());
    if (!S_ISLNK(st_.st_mode)) RETURN_IF_ERROR(SetMode());
    Record();
    return {};
  }

 private:
  const char* name() const { return place_.name.c_str(); }

  // The kernel said no: the file only pretends to be what it is meant to be.
  Status Refused(const std::string& what, int error) {
    if (!IsRefusal(error) || writer_.journal_ == nullptr) {
      return FailedOn(place_, what, error);
    }
    pretends_ = true;
    return {};
  }

  Status SetOwner() {
    const FileOwner& owner = metadata_.owner;
    bool foreign = writer_.records_all_ && owner != FileOwner();
    pretends_ = pretends_ || foreign;
    uint32_t uid = UidOnDisk(foreign ? 0 : owner.uid);
    uint32_t gid = GidOnDisk(foreign ? 0 : owner.gid);
    if (st_.st_uid == uid && st_.st_gid == gid) return {};
    if (::fchownat(place_.directory, name(), uid, gid, AT_SYMLINK_NOFOLLOW) ==
        0) {
      return {};
    }
    int error = errno;
    return Refused("chown to " + std::to_string(owner.uid) + ":" +
                       std::to_string(owner.gid),
                   error);
  }

  Status SetXattrs() {
    if (metadata_.xattrs.empty()) return {};
    std::string path =
        "/proc/self/fd/" + std::to_string(place_.directory) + "/" + place_.name;
    for (const auto& [attribute, value] : metadata_.xattrs) {
      if ((!writer_.records_all_ || attribute.starts_with("user.")) &&
          ::lsetxattr(path.c_str(), attribute.c_str(), value.data(),
                      value.size(), 0) == 0) {
        continue;
      }
      if (writer_.journal_ != nullptr) {
        refused_xattrs_[attribute] = value;
      } else if (attribute == "security.capability") {
        return FailedOn(place_, "set " + attribute + " of", errno);
      } else {
        writer_.NoteLostXattr(place_, attribute, errno);
      }
    }
    return {};
  }

  Status SetMode() {
    uint32_t mode = metadata_.mode & 07777;
    uint32_t usable = DiskMode(metadata_.mode);
    bool is_usable = (usable & ~mode & 0700) == 0;
    if (writer_.journal_ != nullptr && writer_.modes_bind_ && !is_usable) {
      pretends_ = true;
    }
    if (!pretends_) {
      if (::fchmodat(place_.directory, name(), mode, 0) != 0) {
        int error = errno;
        RETURN_IF_ERROR(Refused("chmod", error));
      } else if ((mode & S_ISGID) != 0 && LostGroupIdBit()) {
        RETURN_IF_ERROR(Refused("set the group id bit of", EPERM));
      }
    }
    if (pretends_ && ::fchmodat(place_.directory, name(), usable, 0) != 0 &&
        errno != EPERM) {
      return FailedOn(place_, "chmod", errno);
    }
    return {};
  }

  // Without CAP_FSETID the kernel drops the bit for a foreign group, and does
  // not say so.
  bool LostGroupIdBit() const {
    struct stat st;
    return ::fstatat(place_.directory, name(), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           (st.st_mode & S_ISGID) == 0;
  }

  void Record() {
    if (!pretends_ && refused_xattrs_.empty() &&
        !writer_.IsSpokenOf(place_.path)) {
      return;
    }
    if (writer_.journal_ == nullptr) return;
    VirtualMetadata meant;
    meant.mode = S_ISLNK(st_.st_mode) ? S_IFLNK | 0777 : metadata_.mode;
    meant.uid = metadata_.owner.uid;
    meant.gid = metadata_.owner.gid;
    meant.rdev = metadata_.rdev;
    meant.xattrs = std::move(refused_xattrs_);
    writer_.journal_->Set(place_.path, std::move(meant));
  }

  TreeWriter& writer_;
  const TreePlace& place_;
  const FileMetadata& metadata_;
  struct stat st_ = {};
  bool pretends_ = false;
  std::map<std::string, std::string> refused_xattrs_;
};

Status TreeWriter::Finish(const TreePlace& place,
                          const FileMetadata& metadata) {
  return Finisher(*this, place, metadata).Run();
}

Result<FileMetadata> TreeWriter::Describe(const TreePlace& place) const {
  struct stat st;
  if (::fstatat(place.directory, place.name.c_str(), &st,
                AT_SYMLINK_NOFOLLOW) != 0) {
    return FailedOn(place, "stat", errno);
  }
  FileMetadata metadata;
  metadata.mode = st.st_mode;
  metadata.owner = {VirtualUid(st.st_uid), VirtualGid(st.st_gid)};
  metadata.rdev = st.st_rdev;
  metadata.mtime = st.st_mtim;
  const VirtualMetadata* meant =
      journal_ == nullptr ? nullptr : journal_->Find(place.path);
  if (meant == nullptr && parent_journal_ != nullptr) {
    meant = parent_journal_->Find(place.path);
  }
  if (meant != nullptr) {
    metadata.mode = meant->mode;
    metadata.owner = {meant->uid, meant->gid};
    metadata.rdev = meant->rdev;
    metadata.xattrs = meant->xattrs;
  }
  return metadata;
}

Status TreeWriter::OpenUp(const TreePlace& place) {
  if (!modes_bind_) return {};
  struct stat st;
  if (::fstatat(place.directory, place.name.c_str(), &st,
                AT_SYMLINK_NOFOLLOW) != 0) {
    return FailedOn(place, "stat", errno);
  }
  if ((st.st_mode & 0700) == 0700) return {};
  if (::fchmodat(place.directory, place.name.c_str(),
                 (st.st_mode & 07777) | 0700, 0) != 0) {
    return FailedOn(place, "chmod", errno);
  }
  return {};
}

Status TreeWriter::Remove(const TreePlace& place) {
  auto removed = RemoveAllAt(place.directory, place.name.c_str());
  if (!removed) return std::move(removed).error().Wrap("/" + place.path);
  if (journal_ != nullptr) journal_->Remove(place.path);
  return {};
}

Result<std::vector<std::string>> TreeWriter::MakeDirectories(
    std::string_view path) {
  auto paths = MakeDirsInRoot(root_, path, {.mode = 0700});
  if (paths) return paths;
  // The likely cause, told so that a user knows what to change.
  for (size_t end = 0; end < path.size();) {
    end = path.find('/', end + 1);
    if (end == std::string_view::npos) end = path.size();
    std::string_view part = path.substr(0, end);
    auto st = StatInRoot(root_, part, FollowLast::kYes);
    if (st && st->has_value() && !S_ISDIR((*st)->st_mode)) {
      return InvalidArgument("make directory /" + std::string(path) + ": /" +
                             std::string(part) + " is not a directory");
    }
  }
  return std::move(paths).error().Wrap("make directory /" + std::string(path));
}

Status TreeWriter::FinishPath(const std::string& path,
                              const FileMetadata& metadata) {
  ASSIGN_OR_RETURN(ParentAndName place, OpenParentInRoot(root_, path));
  return Finish(
      {.directory = place.parent.get(), .name = place.name, .path = path},
      metadata);
}

}  // namespace strake::builder::context
