#include "builder/sandbox/notify/request.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/new_file.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

int StatChild(const ParentPlace& place, struct stat& file) {
  std::string name = place.name;
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
  return fstatat(place.directory.get(), name.c_str(), &file,
                 AT_SYMLINK_NOFOLLOW) == 0
             ? 0
             : -errno;
}

const Label& Request::label() {
  if (!label_)
    label_ = emulation_.transport->LabelOf(call_.thread).value_or(Label{});
  return *label_;
}

void Request::SetLabel(const Label& label) {
  label_ = label;
  emulation_.transport->SetLabel(call_.thread, label);
}

const Credentials& Request::credentials() {
  // Without a look at the label, where there is no choice.
  if (emulation_.credentials.has_one()) return emulation_.credentials.Get(0);
  return emulation_.credentials.Get(label().credentials);
}

void Request::SetCredentials(Credentials credentials) {
  Label changed = label();
  changed.credentials = emulation_.credentials.Intern(std::move(credentials));
  SetLabel(changed);
}

bool Request::IsKernelsAlone() {
  return emulation_.has_native_paths() &&
         credentials().Has(Capability::kDacOverride);
}

bool Request::IsFilesRoot() {
  if (!emulation_.has_native_paths() || emulation_.wants_touched()) {
    return false;
  }
  const Credentials& who = credentials();
  return who.fsuid == 0 && who.fsgid == 0 && who.Has(Capability::kChown) &&
         who.Has(Capability::kDacOverride) && who.Has(Capability::kFowner) &&
         who.Has(Capability::kFsetid);
}

bool Request::MayMakeItself(int directory, const std::string& path,
                            mode_t mode) {
  Shortcut shortcut;
  return IsFilesRoot() &&
         emulation_.paths.Shorten(viewer(), directory, path,
                                  PathResolver::ByDescriptor::kNo,
                                  shortcut) == 0 &&
         MayMake(shortcut, mode);
}

bool Request::MayMake(const Shortcut& shortcut, mode_t mode) const {
  const bool as_it_says = S_ISLNK(mode) || DiskMode(mode) == (mode & 07777);
  return as_it_says && !emulation_.umask_keeps_owner_out &&
         !emulation_.inodes.GivesGroup(shortcut.parent.known()->key);
}

bool Request::IsOwnFile(int fd, struct stat& file) {
  return IsFilesRoot() && fd >= 0 &&
         stat(HostPath::Descriptor(call_.thread, fd).c_str(), &file) == 0 &&
         MayChangeItself(file);
}

bool Request::IsOwnFileAt(int directory, int path, int flags,
                          struct stat& file) {
  std::string text;
  Shortcut shortcut;
  return IsFilesRoot() && ReadPath(path, text) == 0 &&
         emulation_.paths.Shorten(viewer(), directory, text,
                                  PathResolver::ByDescriptor::kNo,
                                  shortcut) == 0 &&
         fstatat(shortcut.directory, shortcut.name, &file,
                 AT_SYMLINK_NOFOLLOW) == 0 &&
         (!S_ISLNK(file.st_mode) || (flags & AT_SYMLINK_NOFOLLOW) != 0) &&
         MayChangeItself(file);
}

bool Request::MayChangeItself(const struct stat& file) const {
  const bool ordinary =
      S_ISREG(file.st_mode) || S_ISDIR(file.st_mode) || S_ISLNK(file.st_mode);
  return ordinary && emulation_.paths.IsRoots(file.st_dev) &&
         emulation_.inodes.IsUsers(file);
}

int Request::FindDescriptor(int fd, Place& place) {
  return emulation_.paths.FindDescriptor(viewer(), fd, place);
}

int Request::FindOpenFile(int fd, Place& place) {
  // The link has the rights that the file was opened with: none by O_PATH.
  struct stat link {};
  if (lstat(HostPath::Descriptor(call_.thread, fd).c_str(), &link) != 0 ||
      (link.st_mode & 0700) == 0) {
    return -EBADF;
  }
  // Most were made or written to before, so that it is known where they are.
  UniqueFd file(
      open(HostPath::Descriptor(call_.thread, fd).c_str(), O_PATH | O_CLOEXEC));
  struct stat status {};
  if (file && fstat(file.get(), &status) == 0 &&
      emulation_.IsTouched(KeyOf(status))) {
    place.fd = std::move(file);
    place.mount = &emulation_.mounts.root();
    return 0;
  }
  return FindDescriptor(fd, place);
}

int Request::Find(int directory, int path, int flags, Place& place) {
  std::string text;
  if (int failed = ReadPath(path, text)) return failed;
  if (text.empty()) {
    return (flags & AT_EMPTY_PATH) != 0 ? FindDescriptor(directory, place)
                                        : -ENOENT;
  }
  const Follow follow =
      (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::kNo : Follow::kYes;
  return emulation_.paths.Find(viewer(), directory, text, follow, place);
}

int Request::FindParent(int directory, int path, ParentPlace& place) {
  std::string text;
  if (int failed = ReadPath(path, text)) return failed;
  return emulation_.paths.FindParent(viewer(), directory, text, place);
}

int Request::FindParentToChange(int directory, int path, Expect expect,
                                ParentPlace& place) {
  if (int failed = FindParent(directory, path, place)) return failed;
  return MayChange(place, expect);
}

int Request::MayChange(const ParentPlace& place, Expect expect) {
  int denied = 0;
  if (place.mount != nullptr && place.mount->read_only) {
    denied = -EROFS;
  } else if (place.in_tree() && !credentials().Has(Capability::kDacOverride)) {
    struct stat parent {};
    if (int failed = Stat(place.directory.get(), parent)) return failed;
    if (!MayAccess(credentials(), parent, 3)) denied = -EACCES;
  }
  if (denied == 0) return 0;
  struct stat file {};
  const int missing = StatChild(place, file);
  const bool exists = missing == 0;
  if (exists && expect != Expect::kPresent) return -EEXIST;
  if (!exists && expect == Expect::kPresent) return missing;
  if (expect == Expect::kAbsent && place.name.ends_with('/')) return -ENOENT;
  return denied;
}

int Request::Stat(int fd, struct stat& file) {
  if (fstat(fd, &file) != 0) return -errno;
  emulation_.inodes.Apply(file);
  return 0;
}

bool Request::May(const Place& place, unsigned wanted) {
  if (!place.in_tree() || wanted == 0) return true;
  struct stat file {};
  return Stat(place.fd.get(), file) == 0 &&
         MayAccess(credentials(), file, wanted);
}

}  // namespace strake::builder::sandbox::notify
