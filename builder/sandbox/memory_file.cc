#include "builder/sandbox/memory_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder::sandbox {
namespace {

// Newer than Debian 12's headers (Linux 6.3).
constexpr unsigned kNeverExecutable = 0x8;  // MFD_NOEXEC_SEAL
constexpr unsigned kExecutable = 0x10;      // MFD_EXEC

// `less` where the kernel answers `error` to `flags`.
UniqueFd Create(const std::string& name, unsigned flags, int error,
                unsigned less) {
  int fd = memfd_create(name.c_str(), MFD_CLOEXEC | flags);
  if (fd < 0 && errno == error) {
    fd = memfd_create(name.c_str(), MFD_CLOEXEC | less);
  }
  return UniqueFd(fd);
}

// A program that somebody may write to is not executed (ETXTBSY), so it is
// opened once more.
Result<UniqueFd> MakeOnDisk(const std::string& name, std::string_view image,
                            const std::string& folder) {
  std::string path = folder + "/" + name + "-XXXXXX";
  UniqueFd written(mkostemp(path.data(), O_CLOEXEC));
  if (!written) return ErrnoError("make the program file " + path);
  FdSink sink(written.get());
  Status whole = sink.Write(image);
  if (whole && fchmod(written.get(), 0700) != 0) {
    whole = ErrnoError("chmod of the program file " + path);
  }
  Result<UniqueFd> file = OpenFile(path.c_str(), O_RDONLY);
  unlink(path.c_str());
  if (!whole) return std::move(whole).error();
  return file;
}

}  // namespace

Result<UniqueFd> MakeMemoryFile(const std::string& name) {
  UniqueFd file = Create(name, 0, EACCES, kNeverExecutable);
  if (!file) return ErrnoError("memfd_create");
  return file;
}

Result<UniqueFd> MakeProgramFile(const std::string& name,
                                 std::string_view image,
                                 const std::string& folder) {
  UniqueFd file = Create(name, kExecutable, EINVAL, 0);
  if (!file && errno == EACCES) return MakeOnDisk(name, image, folder);
  if (!file) return ErrnoError("memfd_create");
  FdSink sink(file.get());
  RETURN_IF_ERROR(sink.Write(image));
  return file;
}

}  // namespace strake::builder::sandbox
