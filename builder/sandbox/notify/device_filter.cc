#include "builder/sandbox/notify/device_filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

namespace strake::builder::sandbox::notify {
namespace {

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr uint32_t kNotify = SECCOMP_RET_USER_NOTIF;

constexpr int kLooking[] = {
    SYS_stat,    SYS_lstat,    SYS_fstat,      SYS_newfstatat,
    SYS_statx,   SYS_open,     SYS_creat,      SYS_openat,
    SYS_openat2, SYS_truncate, SYS_getdents64,
};

void NotifyOfDevices(BpfProgram& program, int call, int mode) {
  const size_t at = program.size();
  program.UnlessEqualSkip(static_cast<uint32_t>(call), 0);
  program.LoadArgument(mode);
  program.And(S_IFMT);
  program.ReturnIfEqual(S_IFCHR, kNotify);
  program.ReturnIfEqual(S_IFBLK, kNotify);
  program.Return(kAllow);
  program.SkipToHere(at);
}

}  // namespace

std::vector<BpfInstruction> DeviceFilter(DeviceCallSet calls) {
  BpfProgram program;
  program.Load(offsetof(seccomp_data, arch));
  program.IfEqualSkip(AUDIT_ARCH_X86_64, 1);
  program.Return(kAllow);
  program.Load(offsetof(seccomp_data, nr));
  NotifyOfDevices(program, SYS_mknod, 1);
  NotifyOfDevices(program, SYS_mknodat, 2);
  if (calls == DeviceCallSet::kAll) {
    for (int call : kLooking) {
      program.ReturnIfEqual(static_cast<uint32_t>(call), kNotify);
    }
  }
  program.Return(kAllow);
  return program.Take();
}

}  // namespace strake::builder::sandbox::notify
