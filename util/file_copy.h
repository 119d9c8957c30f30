// Copying a file's content, metadata and extended attributes between
// descriptors, by the cheapest means that the two file systems offer.
//
// Safe to call from any thread; all descriptors are borrowed.

#ifndef STRAKE_UTIL_FILE_COPY_H_
#define STRAKE_UTIL_FILE_COPY_H_

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake {

// Opens the regular file `path` in `dir` for reading. One that its owner may
// not read is made readable for that moment.
Result<UniqueFd> OpenToRead(int dir, const char* path);

// Makes the content of `to` (open for writing, empty) that of `from` (open for
// reading), whatever their file positions. Clones where the file system can
// (FICLONE), else copies inside the kernel (copy_file_range), else reads and
// writes. Holes stay holes. Returns the size in bytes.
Result<uint64_t> CopyFileContents(int from, int to);

using Xattrs = std::map<std::string, std::string>;  // name to raw value

// The extended attributes of `fd`, which may be an O_PATH descriptor (of a
// symlink, too). Empty where the file system has none.
Result<Xattrs> ReadXattrs(int fd);
// Those of `name` in `dir`, itself and not what it may link to.
Result<Xattrs> ReadXattrsAt(int dir, const char* name);

// Sets one attribute of `name` in `dir`, itself and not what it may link to.
Status SetXattrAt(int dir, const char* name, const std::string& attribute,
                  std::string_view value);

// Copies the attributes of `from` to `to` (any descriptors of files). One that
// the kernel refuses (EPERM, ENOTSUP, EINVAL) is passed to `on_refused`, and is
// an error where there is none. POSIX ACLs are attributes, too.
using RefusedXattr =
    std::function<void(const std::string& name, const std::string& value)>;
Status CopyXattrs(int from, int to, const RefusedXattr& on_refused = {});

// Sets owner, then mode (chown clears set-id bits), then times of `name` in
// `dir`, itself and not what it may link to; a symlink's mode stays as it is.
// Each part is optional.
struct FileAttributes {
  int64_t uid = -1;   // -1: as it is
  int64_t gid = -1;   // -1: as it is
  int64_t mode = -1;  // permission bits; -1: as they are
  bool set_mtime = false;
  struct timespec mtime = {};  // access time becomes the same
};
Status SetAttributesAt(int dir, const char* name,
                       const FileAttributes& attributes);

}  // namespace strake

#endif  // STRAKE_UTIL_FILE_COPY_H_
