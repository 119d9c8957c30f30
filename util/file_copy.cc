#include "util/file_copy.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>
#include <vector>

#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake {
namespace {

// Below this a read and a write beat copy_file_range, which sets up a pipe
// between two files unless the file system can share extents.
constexpr uint64_t kSmallFileBytes = 64 << 10;

// Copies [offset, end) by reading and writing.
Status CopyRangeByReading(int from, int to, uint64_t offset, uint64_t end) {
  std::array<char, kSmallFileBytes> small;
  std::vector<char> large;
  std::span<char> buffer(small);
  if (end - offset > kSmallFileBytes) {
    large.resize(kStreamBufferBytes);
    buffer = large;
  }
  while (offset < end) {
    size_t wanted = std::min<uint64_t>(buffer.size(), end - offset);
    ssize_t count =
        ::pread(from, buffer.data(), wanted, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return ErrnoError("read");
    if (count == 0) return IoError("the file became shorter while copied");
    for (ssize_t done = 0; done < count;) {
      ssize_t written =
          ::pwrite(to, buffer.data() + done, static_cast<size_t>(count - done),
                   static_cast<off_t>(offset) + done);
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) return ErrnoError("write");
      done += written;
    }
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

Status CopyRange(int from, int to, uint64_t offset, uint64_t end) {
  if (end - offset <= kSmallFileBytes) {
    return CopyRangeByReading(from, to, offset, end);
  }
  while (offset < end) {
    auto in = static_cast<off64_t>(offset), out = in;
    ssize_t count = ::copy_file_range(from, &in, to, &out, end - offset, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO ||
                      errno == EFBIG)) {
      return ErrnoError("copy");
    }
    // Anything else is this pair of file systems, or a filter of system
    // calls; some file systems answer 0 for what they cannot do.
    if (count <= 0) return CopyRangeByReading(from, to, offset, end);
    offset += static_cast<uint64_t>(count);
  }
  return {};
}

Status CopySparse(int from, int to, uint64_t size_bytes) {
  uint64_t at = 0;
  while (at < size_bytes) {
    off_t data = ::lseek(from, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) return {};  // a hole to the end
    if (data < 0) return CopyRange(from, to, at, size_bytes);
    off_t hole = ::lseek(from, data, SEEK_HOLE);
    uint64_t end = hole < 0 ? size_bytes : static_cast<uint64_t>(hole);
    end = std::min(end, size_bytes);
    if (static_cast<uint64_t>(data) >= end) return {};
    RETURN_IF_ERROR(CopyRange(from, to, static_cast<uint64_t>(data), end));
    at = end;
  }
  return {};
}

// A path by which calls without an *at form reach a descriptor, O_PATH or not,
// or an entry of a directory.
std::string ProcPath(int fd) { return "/proc/self/fd/" + std::to_string(fd); }
std::string ProcPath(int dir, const char* name) {
  if (dir == AT_FDCWD || name[0] == '/') return name;
  return ProcPath(dir) + "/" + name;
}

enum class Follow { kYes, kNo };

// The result of a *listxattr/*getxattr call whose buffer must be large enough:
// asks again while it is not. Negative with errno on failure.
template <typename Call>
ssize_t CallWithBuffer(std::string& buffer, Call call) {
  if (buffer.size() < 256) buffer.resize(256);
  while (true) {
    ssize_t length = call(buffer.data(), buffer.size());
    if (length >= 0 || errno != ERANGE) return length;
    length = call(nullptr, 0);
    if (length < 0) return length;
    buffer.resize(static_cast<size_t>(length) + 1);
  }
}

Result<Xattrs> ReadXattrsOfPath(const std::string& path, Follow follow) {
  Xattrs xattrs;
  std::string names;
  ssize_t length = CallWithBuffer(names, [&](char* data, size_t size) {
    return follow == Follow::kYes ? ::listxattr(path.c_str(), data, size)
                                  : ::llistxattr(path.c_str(), data, size);
  });
  if (length < 0 && errno == ENOTSUP) return xattrs;
  if (length < 0) return ErrnoError("list extended attributes");
  names.resize(static_cast<size_t>(length));
  std::string value;
  for (size_t at = 0; at < names.size();) {
    const char* name = names.c_str() + at;
    at += std::string_view(name).size() + 1;
    length = CallWithBuffer(value, [&](char* data, size_t size) {
      return follow == Follow::kYes
                 ? ::getxattr(path.c_str(), name, data, size)
                 : ::lgetxattr(path.c_str(), name, data, size);
    });
    // Gone meanwhile, or listed without being readable (trusted.* without the
    // privilege for it).
    if (length < 0 && (errno == ENODATA || errno == EPERM)) continue;
    if (length < 0) {
      return ErrnoError(std::string("read extended attribute ") + name);
    }
    xattrs.emplace(name, value.substr(0, static_cast<size_t>(length)));
  }
  return xattrs;
}

}  // namespace

Result<UniqueFd> OpenToRead(int dir, const char* path) {
  struct stat st;
  if (::fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoError(std::string("stat ") + path);
  }
  mode_t mode = st.st_mode & 07777;
  bool opened_up = false;
  // Who may read it anyway (root) need not touch it.
  if ((mode & 0400) == 0 && ::faccessat(dir, path, R_OK, AT_EACCESS) != 0) {
    opened_up = ::fchmodat(dir, path, mode | 0400, AT_SYMLINK_NOFOLLOW) == 0;
  }
  auto fd = OpenFileAt(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (opened_up && ::fchmodat(dir, path, mode, AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoError(std::string("chmod ") + path);
  }
  return fd;
}

Result<uint64_t> CopyFileContents(int from, int to) {
  struct stat st;
  if (::fstat(from, &st) != 0) return ErrnoError("stat");
  auto size_bytes = static_cast<uint64_t>(st.st_size);
  if (size_bytes == 0) return size_bytes;
  if (::ioctl(to, FICLONE, from) == 0) return size_bytes;
  bool has_holes = static_cast<uint64_t>(st.st_blocks) * 512 < size_bytes;
  if (!has_holes) {
    RETURN_IF_ERROR(CopyRange(from, to, 0, size_bytes));
    return size_bytes;
  }
  if (::ftruncate(to, st.st_size) != 0) return ErrnoError("truncate");
  RETURN_IF_ERROR(CopySparse(from, to, size_bytes));
  return size_bytes;
}

Result<Xattrs> ReadXattrs(int fd) {
  return ReadXattrsOfPath(ProcPath(fd), Follow::kYes);
}

Result<Xattrs> ReadXattrsAt(int dir, const char* name) {
  return ReadXattrsOfPath(ProcPath(dir, name), Follow::kNo);
}

Status SetXattrAt(int dir, const char* name, const std::string& attribute,
                  std::string_view value) {
  if (::lsetxattr(ProcPath(dir, name).c_str(), attribute.c_str(), value.data(),
                  value.size(), 0) != 0) {
    return ErrnoError("set extended attribute " + attribute + " of " + name);
  }
  return {};
}

Status CopyXattrs(int from, int to, const RefusedXattr& on_refused) {
  ASSIGN_OR_RETURN(Xattrs xattrs, ReadXattrs(from));
  if (xattrs.empty()) return {};
  std::string path = ProcPath(to);
  for (const auto& [name, value] : xattrs) {
    if (::setxattr(path.c_str(), name.c_str(), value.data(), value.size(), 0) ==
        0) {
      continue;
    }
    bool refused = errno == EPERM || errno == ENOTSUP || errno == EINVAL;
    if (!refused || !on_refused) {
      return ErrnoError("set extended attribute " + name);
    }
    on_refused(name, value);
  }
  return {};
}

Status SetAttributesAt(int dir, const char* name,
                       const FileAttributes& attributes) {
  if ((attributes.uid >= 0 || attributes.gid >= 0) &&
      ::fchownat(dir, name, static_cast<uid_t>(attributes.uid),
                 static_cast<gid_t>(attributes.gid),
                 AT_SYMLINK_NOFOLLOW) != 0) {
    return ErrnoError(std::string("chown ") + name);
  }
  if (attributes.mode >= 0 &&
      ::fchmodat(dir, name, static_cast<mode_t>(attributes.mode),
                 AT_SYMLINK_NOFOLLOW) != 0) {
    int error = errno;
    struct stat st;
    bool is_link = error == EOPNOTSUPP &&
                   ::fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                   S_ISLNK(st.st_mode);
    if (!is_link) return ErrnoError(std::string("chmod ") + name, error);
  }
  if (attributes.set_mtime) {
    struct timespec times[2] = {attributes.mtime, attributes.mtime};
    if (::utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) != 0) {
      return ErrnoError(std::string("set times of ") + name);
    }
  }
  return {};
}

}  // namespace strake
