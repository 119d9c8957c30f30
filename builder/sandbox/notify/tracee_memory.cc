#include "builder/sandbox/notify/tracee_memory.h"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>

namespace strake::builder::sandbox::notify {
namespace {

constexpr uint64_t kPageSize = 4096;
// Most paths fit; two of these calls cost more than one that reads too much.
constexpr size_t kFirstRead = 256;

iovec Remote(uint64_t address, size_t size) {
  return {reinterpret_cast<void*>(address), size};  // NOLINT: theirs, not ours
}

}  // namespace

int ReadMemory(pid_t thread, uint64_t address, void* to, size_t size) {
  if (size == 0) return 0;
  const iovec local = {to, size};
  const iovec remote = Remote(address, size);
  const ssize_t n = process_vm_readv(thread, &local, 1, &remote, 1, 0);
  return n == static_cast<ssize_t>(size) ? 0 : -EFAULT;
}

int WriteMemory(pid_t thread, uint64_t address, const void* from, size_t size) {
  if (size == 0) return 0;
  const iovec local = {const_cast<void*>(from), size};
  const iovec remote = Remote(address, size);
  const ssize_t n = process_vm_writev(thread, &local, 1, &remote, 1, 0);
  return n == static_cast<ssize_t>(size) ? 0 : -EFAULT;
}

int ReadString(pid_t thread, uint64_t address, std::string& to) {
  to.clear();
  char buffer[PATH_MAX];
  size_t most = kFirstRead;
  while (to.size() < PATH_MAX) {
    // Never across a page: the next one may not be there.
    const size_t in_page = kPageSize - (address & (kPageSize - 1));
    const size_t size = std::min({in_page, most, PATH_MAX - to.size()});
    const iovec local = {buffer, size};
    const iovec remote = Remote(address, size);
    const ssize_t n = process_vm_readv(thread, &local, 1, &remote, 1, 0);
    if (n <= 0) return -EFAULT;
    const auto length = static_cast<size_t>(n);
    if (const void* end = std::memchr(buffer, 0, length)) {
      to.append(buffer, static_cast<const char*>(end) - buffer);
      return 0;
    }
    to.append(buffer, length);
    address += length;
    most = kPageSize;
  }
  return -ENAMETOOLONG;
}

}  // namespace strake::builder::sandbox::notify
