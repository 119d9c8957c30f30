// getdents64(2): a device that mknod(2) "made" is an empty file on disk, whose
// type the kernel tells with its name. Answered only in a step that begins with
// such devices (supervisor.cc): it costs a stop of the caller.

#include <dirent.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "builder/sandbox/notify/filter.h"
#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/rewrite.h"

namespace strake::builder::sandbox::notify {
namespace {

// As the kernel lays out each entry.
constexpr size_t kLengthAt = 16;
constexpr size_t kTypeAt = 18;

uint16_t LengthOf(const char* entry) {
  uint16_t length = 0;
  std::memcpy(&length, entry + kLengthAt, sizeof(length));
  return length;
}

// Whether an entry of the directory on `device` was changed.
bool CorrectType(const VirtualInodes& inodes, dev_t device, char* entry) {
  if (entry[kTypeAt] != DT_REG) return false;
  struct stat file {};
  uint64_t inode = 0;
  std::memcpy(&inode, entry, sizeof(inode));
  file.st_dev = device;
  file.st_ino = inode;
  file.st_mode = S_IFREG;
  file.st_nlink = 1;  // at least
  inodes.Apply(file);
  if (S_ISREG(file.st_mode)) return false;
  entry[kTypeAt] = static_cast<char>(IFTODT(file.st_mode));
  return true;
}

Answer HandleGetdents64(Request& request) {
  const VirtualInodes& inodes = request.emulation().inodes;
  struct stat directory {};
  if (stat(HostPath::Descriptor(request.thread(), request.Int(0)).c_str(),
           &directory) != 0 ||
      !S_ISDIR(directory.st_mode)) {
    return Answer::Continue();
  }
  const auto correct = [&](int64_t& size) {
    if (size <= 0) return;
    std::vector<char> entries(static_cast<size_t>(size));
    if (request.Read(request.argument(1), entries.data(), entries.size())) {
      return;
    }
    bool changed = false;
    for (size_t at = 0; at < entries.size(); at += LengthOf(&entries[at])) {
      changed |= CorrectType(inodes, directory.st_dev, &entries[at]);
    }
    if (changed) {
      request.Write(request.argument(1), entries.data(), entries.size());
    }
  };
  int64_t result = 0;
  CallInTracee(
      request,
      {.number = SYS_getdents64, .arguments = {{5, kPass}}, .data = {}}, result,
      correct);
  return Answer::Given();
}

constexpr HandledCall kCalls[] = {
    {SYS_getdents64, HandleGetdents64, true},
};

}  // namespace

std::span<const HandledCall> DirectoryCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
