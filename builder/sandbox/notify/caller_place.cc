#include "builder/sandbox/notify/caller_place.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::sandbox::notify {
namespace {

// Newer than Debian 12's C library, by the number that all machines have.
constexpr int kPidfdOpen = 434;
constexpr int kPidfdGetfd = 438;

// The C library's functions of these names would change all threads.
bool SetEffective(uint64_t permitted, uint64_t effective) {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[2] = {};
  for (int i = 0; i < 2; ++i) {
    data[i].permitted = static_cast<uint32_t>(permitted >> (32 * i));
    data[i].effective = static_cast<uint32_t>(effective >> (32 * i));
  }
  return syscall(SYS_capset, &header, data) == 0;
}

void SetFsIds(uint32_t uid, uint32_t gid) {
  syscall(SYS_setfsgid, gid);
  syscall(SYS_setfsuid, uid);
}

// Neither call says whether it worked, but both say what was before.
bool HasFsIds(uint32_t uid, uint32_t gid) {
  return static_cast<uint32_t>(syscall(SYS_setfsuid, -1)) == uid &&
         static_cast<uint32_t>(syscall(SYS_setfsgid, -1)) == gid;
}

Result<uint64_t> OwnCapabilities() {
  __user_cap_header_struct header{};
  header.version = _LINUX_CAPABILITY_VERSION_3;
  __user_cap_data_struct data[2] = {};
  if (syscall(SYS_capget, &header, data) != 0) return ErrnoError("capget");
  return uint64_t{data[0].permitted} | uint64_t{data[1].permitted} << 32;
}

// A path below /proc.
struct ProcPath {
  char text[48] = {};
  ProcPath(pid_t thread, const char* what) {
    std::snprintf(text, sizeof(text), "%d/%s", thread, what);
  }
  ProcPath(pid_t thread, int fd) {
    std::snprintf(text, sizeof(text), "%d/fd/%d", thread, fd);
  }
};

std::string ReadAll(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t n = 0;
  while ((n = read(fd, buffer, sizeof(buffer))) > 0) {
    text.append(buffer, static_cast<size_t>(n));
  }
  return text;
}

uint64_t Number(std::string_view text, int base) {
  return std::strtoull(std::string(Trim(text)).c_str(), nullptr, base);
}

// The last of the four ids of a line: the file system's.
uint32_t FsId(std::string_view value) {
  const size_t last = Trim(value).rfind('\t');
  return static_cast<uint32_t>(Number(Trim(value).substr(last + 1), 10));
}

std::vector<uint32_t> GroupList(std::string_view value) {
  std::vector<uint32_t> groups;
  for (std::string_view group : Split(Trim(value), ' ')) {
    if (group.empty()) continue;
    groups.push_back(static_cast<uint32_t>(Number(group, 10)));
  }
  return groups;
}

}  // namespace

Result<CallerPlace> CallerPlace::Take() {
  ASSIGN_OR_RETURN(UniqueFd proc, OpenFile("/proc", O_PATH | O_DIRECTORY));
  ASSIGN_OR_RETURN(const uint64_t capabilities, OwnCapabilities());
  if (unshare(CLONE_FS) != 0) return ErrnoError("unshare(CLONE_FS)");
  return CallerPlace(std::move(proc), capabilities);
}

int CallerPlace::EnterRoot(pid_t thread) {
  const UniqueFd root(openat(proc_.get(), ProcPath(thread, "root").text,
                             O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat found {};
  if (!root || fstat(root.get(), &found) != 0) return -errno;
  if (KeyOf(found) == root_) return 0;
  if (fchdir(root.get()) != 0 || chroot(".") != 0) return -errno;
  root_ = KeyOf(found);
  return 0;
}

UniqueFd CallerPlace::Open(pid_t thread, int fd) const {
  const ProcPath path =
      fd == AT_FDCWD ? ProcPath(thread, "cwd") : ProcPath(thread, fd);
  return UniqueFd(openat(proc_.get(), path.text, O_PATH | O_CLOEXEC));
}

UniqueFd CallerPlace::Share(pid_t process, int fd) const {
  const UniqueFd pidfd(static_cast<int>(syscall(kPidfdOpen, process, 0)));
  if (!pidfd) return {};
  return UniqueFd(static_cast<int>(syscall(kPidfdGetfd, pidfd.get(), fd, 0)));
}

UniqueFd CallerPlace::Reopen(int fd, int flags) const {
  return UniqueFd(
      openat(proc_.get(), ProcPath(getpid(), fd).text, flags | O_CLOEXEC));
}

std::optional<CallerIds> CallerPlace::IdsOf(pid_t thread) const {
  const UniqueFd file(openat(proc_.get(), ProcPath(thread, "status").text,
                             O_RDONLY | O_CLOEXEC));
  if (!file) return std::nullopt;
  const std::string text = ReadAll(file.get());
  CallerIds ids;
  for (std::string_view line : Split(text, '\n')) {
    const auto field = SplitOnce(line, ':');
    if (!field) continue;
    const auto [name, value] = *field;
    if (name == "Umask") ids.umask = static_cast<mode_t>(Number(value, 8));
    if (name == "Tgid") ids.process = static_cast<pid_t>(Number(value, 10));
    if (name == "Uid") ids.fsuid = FsId(value);
    if (name == "Gid") ids.fsgid = FsId(value);
    if (name == "Groups") ids.groups = GroupList(value);
    if (name == "CapEff") ids.capabilities = Number(value, 16);
  }
  if (ids.process == 0) return std::nullopt;
  return ids;
}

// Groups and ids first, while there are capabilities for them; a user who is
// not root loses some with the id, and capset(2) then says which there are.
AsCaller::AsCaller(const CallerPlace& place, const CallerIds& ids)
    : capabilities_(place.capabilities_) {
  umask_ = umask(ids.umask);
  if (syscall(SYS_setgroups, ids.groups.size(), ids.groups.data()) != 0) return;
  SetFsIds(ids.fsuid, ids.fsgid);
  ok_ = HasFsIds(ids.fsuid, ids.fsgid) &&
        SetEffective(capabilities_, capabilities_ & ids.capabilities);
}

AsCaller::~AsCaller() {
  SetEffective(capabilities_, capabilities_);
  SetFsIds(0, 0);
  syscall(SYS_setgroups, 0, nullptr);
  umask(umask_);
}

}  // namespace strake::builder::sandbox::notify
