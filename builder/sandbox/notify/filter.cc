#include "builder/sandbox/notify/filter.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "builder/sandbox/notify/loader/protocol.h"

namespace strake::builder::sandbox::notify {
namespace {

// By number where Debian 12's headers do not know the name yet.
constexpr int kRefused[] = {
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    SYS_openat2,
    SYS_open_tree,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    SYS_fanotify_init,
    SYS_fanotify_mark,
    463,  // setxattrat
    464,  // getxattrat
    465,  // listxattrat
    466,  // removexattrat
    467,  // open_tree_attr
    468,  // file_getattr
    469,  // file_setattr
};

// Which argument of a call the supervisor replaces when it rewrites one.
struct Rewritten {
  int call;
  int argument;
};
constexpr Rewritten kRewritten[] = {
    {SYS_execve, 0}, {SYS_chdir, 0},   {SYS_openat, 1},
    {SYS_bind, 1},   {SYS_connect, 1}, {SYS_inotify_add_watch, 1},
    {SYS_sendto, 4}, {SYS_sendmsg, 1}, {SYS_sendmmsg, 1},
};

constexpr uint32_t kPrctlOptions[] = {
    kLoaderRequest,    PR_GET_DUMPABLE,   PR_SET_DUMPABLE, PR_GET_KEEPCAPS,
    PR_SET_KEEPCAPS,   PR_CAPBSET_READ,   PR_CAPBSET_DROP, PR_CAP_AMBIENT,
    PR_GET_SECUREBITS, PR_SET_SECUREBITS,
};

// Of fcntl(2): what asks whether a file is open elsewhere.
constexpr uint32_t kLockCommands[] = {F_OFD_SETLK, F_SETLEASE};

constexpr uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr uint32_t kNoSuchCall = SECCOMP_RET_ERRNO | ENOSYS;

static_assert((kArenaAddress & (kArenaSize - 1)) == 0);

// The block of one call; it ends by returning.
template <typename Block>
void ForCall(BpfProgram& program, int call, Block block) {
  const size_t at = program.size();
  program.UnlessEqualSkip(static_cast<uint32_t>(call), 0);
  block();
  program.SkipToHere(at);
}

void AllowWhereRewritten(BpfProgram& program, const Rewritten& rewritten) {
  program.LoadArgumentHigh(rewritten.argument);
  program.UnlessEqualSkip(static_cast<uint32_t>(kArenaAddress >> 32), 4);
  program.LoadArgument(rewritten.argument);
  program.And(~static_cast<uint32_t>(kArenaSize - 1));
  program.UnlessEqualSkip(static_cast<uint32_t>(kArenaAddress), 1);
  program.Return(kAllow);
}

void NotifyForLimit(BpfProgram& program, uint32_t notify, int call,
                    int argument) {
  ForCall(program, call, [&] {
    program.LoadArgument(argument);
    program.UnlessEqualSkip(RLIMIT_RTTIME, 1);
    program.Return(notify);
    program.Return(kAllow);
  });
}

uint32_t ActionOf(AnsweredBy answered) {
  return answered == AnsweredBy::kListener ? SECCOMP_RET_USER_NOTIF
                                           : SECCOMP_RET_TRACE;
}

// Other machines' programs, and calls that nobody may make.
void RefuseWhatIsUnknown(BpfProgram& program) {
  program.Load(offsetof(seccomp_data, arch));
  program.IfEqualSkip(AUDIT_ARCH_X86_64, 1);
  program.Return(kNoSuchCall);
  program.Load(offsetof(seccomp_data, nr));
  constexpr uint32_t kX32Bit = 0x40000000;
  program.UnlessAtLeastSkip(kX32Bit, 1);
  program.Return(kNoSuchCall);
  for (int call : kRefused) {
    ForCall(program, call, [&] { program.Return(kNoSuchCall); });
  }
}

void PassWithoutAddress(BpfProgram& program, int argument) {
  program.LoadArgument(argument);
  program.UnlessEqualSkip(0, 3);
  program.LoadArgumentHigh(argument);
  program.UnlessEqualSkip(0, 1);
  program.Return(kAllow);
}

// What the supervisor lets the caller make itself.
void AllowMarked(BpfProgram& program) {
  program.LoadArgument(5);
  program.UnlessEqualSkip(kPass, 1);
  program.Return(kAllow);
}

void AskOnceAboutPeers(BpfProgram& program, uint32_t notify) {
  ForCall(program, SYS_getsockopt, [&] {
    AllowMarked(program);
    program.LoadArgument(1);
    program.UnlessEqualSkip(SOL_SOCKET, 3);
    program.LoadArgument(2);
    program.UnlessEqualSkip(SO_PEERCRED, 1);
    program.Return(notify);
    program.Return(kAllow);
  });
  ForCall(program, SYS_getpeername, [&] {
    AllowMarked(program);
    program.Return(notify);
  });
}

// What is decided by arguments, then `calls`, then all others.
void Finish(BpfProgram& program, std::span<const int> calls,
            AnsweredBy answered) {
  const uint32_t notify = ActionOf(answered);
  ForCall(program, SYS_prctl, [&] {
    program.LoadArgument(0);
    for (uint32_t option : kPrctlOptions) {
      program.UnlessEqualSkip(option, 1);
      program.Return(notify);
    }
    program.Return(kAllow);
  });
  // The kernel's audit log is not for us; as if there were none.
  ForCall(program, SYS_socket, [&] {
    program.LoadArgument(0);
    program.UnlessEqualSkip(AF_NETLINK, 3);
    program.LoadArgument(2);
    program.UnlessEqualSkip(NETLINK_AUDIT, 1);
    program.Return(SECCOMP_RET_ERRNO | EPROTONOSUPPORT);
    program.Return(kAllow);
  });
  // Those that fail at once where a lock is not free.
  ForCall(program, SYS_flock, [&] {
    program.LoadArgument(1);
    program.And(LOCK_NB);
    program.UnlessEqualSkip(LOCK_NB, 1);
    program.Return(notify);
    program.Return(kAllow);
  });
  ForCall(program, SYS_fcntl, [&] {
    program.LoadArgument(1);
    for (uint32_t command : kLockCommands) {
      program.UnlessEqualSkip(command, 1);
      program.Return(notify);
    }
    program.Return(kAllow);
  });
  AskOnceAboutPeers(program, notify);
  NotifyForLimit(program, notify, SYS_prlimit64, 1);
  NotifyForLimit(program, notify, SYS_getrlimit, 0);
  NotifyForLimit(program, notify, SYS_setrlimit, 0);
  if (answered == AnsweredBy::kTracer) {
    // A listener would be asked before the tracer.
    ForCall(program, SYS_seccomp, [&] {
      program.LoadArgument(1);
      program.And(SECCOMP_FILTER_FLAG_NEW_LISTENER);
      program.UnlessEqualSkip(SECCOMP_FILTER_FLAG_NEW_LISTENER, 1);
      program.Return(SECCOMP_RET_ERRNO | EBUSY);
      program.Return(kAllow);
    });
  }
  for (int call : calls) {
    ForCall(program, call, [&] {
      if (call == SYS_getdents64) AllowMarked(program);
      program.Return(notify);
    });
  }
  program.Return(kAllow);
}

}  // namespace

std::vector<BpfInstruction> NotifyFilter(std::span<const int> calls,
                                         AnsweredBy answered) {
  BpfProgram program;
  RefuseWhatIsUnknown(program);
  for (const Rewritten& rewritten : kRewritten) {
    ForCall(program, rewritten.call, [&] {
      AllowWhereRewritten(program, rewritten);
      // Most have no address; the arena's was let through above.
      if (rewritten.call == SYS_sendto) {
        PassWithoutAddress(program, rewritten.argument);
      }
      program.Return(ActionOf(answered));
    });
  }
  Finish(program, calls, answered);
  return program.Take();
}

std::vector<BpfInstruction> NativePathsFilter(std::span<const int> calls) {
  BpfProgram program;
  RefuseWhatIsUnknown(program);
  ForCall(program, SYS_bind, [&] {
    program.LoadArgumentHigh(0);
    program.UnlessEqualSkip(kPassBind, 1);
    program.Return(kAllow);
    program.Return(ActionOf(AnsweredBy::kListener));
  });
  ForCall(program, SYS_sendto, [&] {
    PassWithoutAddress(program, 4);
    program.Return(ActionOf(AnsweredBy::kListener));
  });
  Finish(program, calls, AnsweredBy::kListener);
  return program.Take();
}

}  // namespace strake::builder::sandbox::notify
