// Extended attributes. Those of users are on disk; those that need privilege
// (security.*, trusted.*) are only known here and go to the journal. POSIX ACLs
// (system.*) are not supported, as on a file system without them.

#include <fcntl.h>
#include <linux/limits.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/host_path.h"

namespace strake::builder::sandbox::notify {
namespace {

using Xattrs = std::map<std::string, std::string>;

// How a call names its file; the groups of calls have them in this order.
enum class Named { kPath, kLink, kDescriptor };

int FindFile(Request& request, Named named, Place& place) {
  if (named == Named::kDescriptor) {
    return request.FindOpenFile(request.Int(0), place);
  }
  return request.Find(AT_FDCWD, 0,
                      named == Named::kLink ? AT_SYMLINK_NOFOLLOW : 0, place);
}

int ReadName(Request& request, std::string& name) {
  const int failed = request.ReadPath(1, name);
  if (failed == -ENAMETOOLONG || name.size() > XATTR_NAME_MAX) return -ERANGE;
  if (failed != 0) return failed;
  return name.empty() ? -ERANGE : 0;
}

bool IsUsers(std::string_view name) { return name.starts_with("user."); }
// fs/xattr.c, xattr_permission, and the capabilities that the kernel's handlers
// ask for.
int MayUse(Request& request, const Place& place, std::string_view name,
           bool write) {
  struct stat meant {};
  if (int failed = request.Stat(place.fd.get(), meant)) return failed;
  const Credentials& who = request.credentials();
  if (name.starts_with("trusted.")) {
    if (who.Has(Capability::kSysAdmin)) return 0;
    return write ? -EPERM : -ENODATA;
  }
  if (name.starts_with("security.")) {
    if (!write) return 0;
    return who.Has(name == "security.capability" ? Capability::kSetfcap
                                                 : Capability::kSysAdmin)
               ? 0
               : -EPERM;
  }
  if (!IsUsers(name)) {
    if (name.starts_with("system.")) return -EOPNOTSUPP;
    return MayAccess(who, meant, write ? 2 : 4) ? -EOPNOTSUPP : -EACCES;
  }
  if (!S_ISREG(meant.st_mode) && !S_ISDIR(meant.st_mode)) {
    return write ? -EPERM : -ENODATA;
  }
  if (write && S_ISDIR(meant.st_mode) && (meant.st_mode & S_ISVTX) != 0 &&
      !IsOwner(who, meant)) {
    return -EPERM;
  }
  return MayAccess(who, meant, write ? 2 : 4) ? 0 : -EACCES;
}

// A call that changes something: where it may.
int FindToChange(Request& request, Named named, std::string& name,
                 Place& place) {
  if (int failed = ReadName(request, name)) return failed;
  if (int failed = FindFile(request, named, place)) return failed;
  if (place.mount != nullptr && place.mount->read_only) return -EROFS;
  return MayUse(request, place, name, true);
}

template <Named kNamed>
Answer Set(Request& request) {
  const size_t size = request.argument(3);
  const int flags = request.Int(4);
  if ((flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) return -EINVAL;
  if (size > XATTR_SIZE_MAX) return -E2BIG;
  std::string name;
  Place place;
  if (int failed = FindToChange(request, kNamed, name, place)) return failed;
  std::string value(size, '\0');
  if (int failed = request.Read(request.argument(2), value.data(), size)) {
    return failed;
  }
  Emulation& emulation = request.emulation();
  const std::lock_guard lock(emulation.changes);
  if (IsUsers(name)) {
    if (setxattr(HostPath::OwnDescriptor(place.fd.get()).c_str(), name.c_str(),
                 value.data(), value.size(), flags) != 0) {
      return -errno;
    }
    emulation.Touch(place.fd.get());
    return 0;
  }
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  const bool exists = emulation.inodes.Xattrs(file).contains(name);
  if (exists && (flags & XATTR_CREATE) != 0) return -EEXIST;
  if (!exists && (flags & XATTR_REPLACE) != 0) return -ENODATA;
  emulation.inodes.Update(
      file, [&](VirtualMetadata& metadata) { metadata.xattrs[name] = value; });
  emulation.Touch(place.fd.get());
  return 0;
}

// `value` into the caller's buffer, if there is one.
Answer Give(Request& request, std::string_view value, int buffer) {
  const size_t size = request.argument(buffer + 1);
  if (size == 0) return static_cast<int64_t>(value.size());
  if (size < value.size()) return -ERANGE;
  if (int failed =
          request.Write(request.argument(buffer), value.data(), value.size())) {
    return failed;
  }
  return static_cast<int64_t>(value.size());
}

template <Named kNamed>
Answer Get(Request& request) {
  std::string name;
  if (int failed = ReadName(request, name)) return failed;
  Place place;
  if (int failed = FindFile(request, kNamed, place)) return failed;
  if (int failed = MayUse(request, place, name, false)) return failed;
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  const Xattrs known = request.emulation().inodes.Xattrs(file);
  if (auto found = known.find(name); found != known.end()) {
    return Give(request, found->second, 2);
  }
  if (name.starts_with("trusted.")) return -ENODATA;
  std::string value(XATTR_SIZE_MAX, '\0');
  const ssize_t n =
      S_ISLNK(file.st_mode)
          ? -1
          : getxattr(HostPath::OwnDescriptor(place.fd.get()).c_str(),
                     name.c_str(), value.data(), value.size());
  if (n < 0) return S_ISLNK(file.st_mode) ? -ENODATA : -errno;
  value.resize(static_cast<size_t>(n));
  return Give(request, value, 2);
}

template <Named kNamed>
Answer List(Request& request) {
  Place place;
  if (int failed = FindFile(request, kNamed, place)) return failed;
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  std::string names;
  if (!S_ISLNK(file.st_mode)) {
    names.resize(XATTR_LIST_MAX);
    const ssize_t n = listxattr(HostPath::OwnDescriptor(place.fd.get()).c_str(),
                                names.data(), names.size());
    if (n < 0 && errno != EOPNOTSUPP) return -errno;
    names.resize(n < 0 ? 0 : static_cast<size_t>(n));
  }
  const bool all = request.credentials().Has(Capability::kSysAdmin);
  for (const auto& [name, value] : request.emulation().inodes.Xattrs(file)) {
    if (name.starts_with("trusted.") && !all) continue;
    names += name;
    names += '\0';
  }
  return Give(request, names, 1);
}

template <Named kNamed>
Answer Remove(Request& request) {
  std::string name;
  Place place;
  if (int failed = FindToChange(request, kNamed, name, place)) return failed;
  Emulation& emulation = request.emulation();
  const std::lock_guard lock(emulation.changes);
  emulation.Touch(place.fd.get());
  if (IsUsers(name)) {
    return removexattr(HostPath::OwnDescriptor(place.fd.get()).c_str(),
                       name.c_str()) == 0
               ? 0
               : -errno;
  }
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  if (!emulation.inodes.Xattrs(file).contains(name)) return -ENODATA;
  emulation.inodes.Update(
      file, [&](VirtualMetadata& metadata) { metadata.xattrs.erase(name); });
  return 0;
}

constexpr HandledCall kCalls[] = {
    {SYS_setxattr, Set<Named::kPath>},
    {SYS_lsetxattr, Set<Named::kLink>},
    {SYS_fsetxattr, Set<Named::kDescriptor>},
    {SYS_getxattr, Get<Named::kPath>},
    {SYS_lgetxattr, Get<Named::kLink>},
    {SYS_fgetxattr, Get<Named::kDescriptor>},
    {SYS_listxattr, List<Named::kPath>},
    {SYS_llistxattr, List<Named::kLink>},
    {SYS_flistxattr, List<Named::kDescriptor>},
    {SYS_removexattr, Remove<Named::kPath>},
    {SYS_lremovexattr, Remove<Named::kLink>},
    {SYS_fremovexattr, Remove<Named::kDescriptor>},
};

}  // namespace

std::span<const HandledCall> XattrCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
