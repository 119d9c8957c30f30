// User and group ids, capabilities, umask, and the limit that carries the
// label.

#include "builder/sandbox/notify/handlers_ids.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/handlers.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr size_t kMostGroups = 65536;

// Changes the caller's credentials with `change`, which returns 0 or a negative
// errno.
template <typename Change>
Answer Modify(Request& request, Change change) {
  Credentials credentials = request.credentials();
  if (int failed = change(credentials)) return failed;
  request.SetCredentials(std::move(credentials));
  return 0;
}

Answer GiveThree(Request& request, uint32_t a, uint32_t b, uint32_t c) {
  const uint32_t values[3] = {a, b, c};
  for (int i = 0; i < 3; ++i) {
    if (int failed =
            request.Write(request.argument(i), &values[i], sizeof(uint32_t))) {
      return failed;
    }
  }
  return 0;
}

Answer HandleGetuid(Request& request) { return request.credentials().ruid; }
Answer HandleGeteuid(Request& request) { return request.credentials().euid; }
Answer HandleGetgid(Request& request) { return request.credentials().rgid; }
Answer HandleGetegid(Request& request) { return request.credentials().egid; }
Answer HandleGetresuid(Request& request) {
  const Credentials& who = request.credentials();
  return GiveThree(request, who.ruid, who.euid, who.suid);
}
Answer HandleGetresgid(Request& request) {
  const Credentials& who = request.credentials();
  return GiveThree(request, who.rgid, who.egid, who.sgid);
}

Answer HandleGetgroups(Request& request) {
  const std::vector<uint32_t>& groups = request.credentials().groups;
  const int size = request.Int(0);
  if (size < 0) return -EINVAL;
  if (size == 0) return static_cast<int64_t>(groups.size());
  if (static_cast<size_t>(size) < groups.size()) return -EINVAL;
  if (int failed = request.Write(request.argument(1), groups.data(),
                                 groups.size() * sizeof(uint32_t))) {
    return failed;
  }
  return static_cast<int64_t>(groups.size());
}

Answer HandleSetgroups(Request& request) {
  const auto count = static_cast<size_t>(request.Uint(0));
  if (!request.credentials().Has(Capability::kSetgid)) return -EPERM;
  if (count > kMostGroups) return -EINVAL;
  std::vector<uint32_t> groups(count);
  if (int failed = request.Read(request.argument(1), groups.data(),
                                count * sizeof(uint32_t))) {
    return failed;
  }
  return Modify(request, [&](Credentials& who) {
    return who.SetGroups(std::move(groups));
  });
}

Answer HandleSetuid(Request& request) {
  if (request.Uint(0) == kUnchanged) return -EINVAL;
  return Modify(request,
                [&](Credentials& who) { return who.SetUid(request.Uint(0)); });
}
Answer HandleSetreuid(Request& request) {
  return Modify(request, [&](Credentials& who) {
    return who.SetReUid(request.Uint(0), request.Uint(1));
  });
}
Answer HandleSetresuid(Request& request) {
  return Modify(request, [&](Credentials& who) {
    return who.SetResUid(request.Uint(0), request.Uint(1), request.Uint(2));
  });
}
Answer HandleSetgid(Request& request) {
  if (request.Uint(0) == kUnchanged) return -EINVAL;
  return Modify(request,
                [&](Credentials& who) { return who.SetGid(request.Uint(0)); });
}
Answer HandleSetregid(Request& request) {
  return Modify(request, [&](Credentials& who) {
    return who.SetReGid(request.Uint(0), request.Uint(1));
  });
}
Answer HandleSetresgid(Request& request) {
  return Modify(request, [&](Credentials& who) {
    return who.SetResGid(request.Uint(0), request.Uint(1), request.Uint(2));
  });
}

// The two that return what was, and never fail.
Answer HandleSetfsuid(Request& request) {
  Credentials who = request.credentials();
  const uint32_t before = who.fsuid;
  if (request.Uint(0) != kUnchanged) who.SetFsUid(request.Uint(0));
  request.SetCredentials(std::move(who));
  return before;
}
Answer HandleSetfsgid(Request& request) {
  Credentials who = request.credentials();
  const uint32_t before = who.fsgid;
  if (request.Uint(0) != kUnchanged) who.SetFsGid(request.Uint(0));
  request.SetCredentials(std::move(who));
  return before;
}

Answer HandleUmask(Request& request) {
  Label label = request.label();
  label.umask = request.Uint(0) & 0777;
  request.SetLabel(label);
  if ((label.umask & 0700) != 0) {
    request.emulation().umask_keeps_owner_out = true;
  }
  // The kernel makes sockets and answers with the old mask.
  return Answer::Continue();
}

struct CapabilityCall {
  __user_cap_header_struct header = {};
  size_t words = 0;
};

// Reads the header; for a version that is not known, writes the kernel's own
// there, as the kernel does.
int ReadHeader(Request& request, CapabilityCall& call) {
  if (int failed = request.Read(request.argument(0), &call.header,
                                sizeof(call.header))) {
    return failed;
  }
  switch (call.header.version) {
    case _LINUX_CAPABILITY_VERSION_1:
      call.words = 1;
      return 0;
    case _LINUX_CAPABILITY_VERSION_2:
    case _LINUX_CAPABILITY_VERSION_3:
      call.words = 2;
      return 0;
    default:
      break;
  }
  const uint32_t known = _LINUX_CAPABILITY_VERSION_3;
  if (int failed = request.Write(request.argument(0), &known, sizeof(known))) {
    return failed;
  }
  return -EINVAL;
}

// Whether `number` is the calling thread, as it knows itself.
bool IsCaller(Request& request, pid_t number) {
  return number == (request.emulation().has_native_paths()
                        ? NumbersInside(request.thread()).thread
                        : request.thread());
}

Answer HandleCapget(Request& request) {
  CapabilityCall call;
  const int failed = ReadHeader(request, call);
  if (request.argument(1) == 0) return failed == -EFAULT ? failed : 0;
  if (failed != 0) return failed;
  if (call.header.pid < 0) return -EINVAL;
  const Credentials* who = &request.credentials();
  if (call.header.pid != 0 && !IsCaller(request, call.header.pid)) {
    // Numbers of an inner pid namespace say nothing here.
    if (request.emulation().has_native_paths()) return -ESRCH;
    const std::optional<Label> label =
        request.emulation().transport->LabelOf(call.header.pid);
    if (!label) return -ESRCH;
    who = &request.emulation().credentials.Get(label->credentials);
  }
  __user_cap_data_struct data[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    data[i].effective = static_cast<uint32_t>(who->effective >> 32 * i);
    data[i].permitted = static_cast<uint32_t>(who->permitted >> 32 * i);
    data[i].inheritable = static_cast<uint32_t>(who->inheritable >> 32 * i);
  }
  return request.Write(request.argument(1), data, call.words * sizeof(data[0]));
}

Answer HandleCapset(Request& request) {
  CapabilityCall call;
  if (int failed = ReadHeader(request, call)) return failed;
  if (call.header.pid != 0 && !IsCaller(request, call.header.pid)) {
    return -EPERM;
  }
  __user_cap_data_struct data[2] = {};
  if (int failed = request.Read(request.argument(1), data,
                                call.words * sizeof(data[0]))) {
    return failed;
  }
  const auto join = [](uint32_t low, uint32_t high) {
    return uint64_t{low} | uint64_t{high} << 32;
  };
  return Modify(request, [&](Credentials& who) {
    return who.SetCapabilities(join(data[0].effective, data[1].effective),
                               join(data[0].permitted, data[1].permitted),
                               join(data[0].inheritable, data[1].inheritable));
  });
}

Answer DropBounding(Request& request, uint64_t capability) {
  if (capability > CAP_LAST_CAP) return -EINVAL;
  return Modify(request, [&](Credentials& who) {
    if (!who.Has(Capability::kSetpcap)) return -EPERM;
    who.bounding &= ~(uint64_t{1} << capability);
    return 0;
  });
}

Answer Ambient(Request& request) {
  const uint64_t what = request.argument(1);
  const uint64_t capability = request.argument(2);
  if (what == PR_CAP_AMBIENT_CLEAR_ALL) {
    return Modify(request, [](Credentials& who) {
      who.ambient = 0;
      return 0;
    });
  }
  if (capability > CAP_LAST_CAP) return -EINVAL;
  const uint64_t bit = uint64_t{1} << capability;
  switch (what) {
    case PR_CAP_AMBIENT_IS_SET:
      return (request.credentials().ambient & bit) != 0 ? 1 : 0;
    case PR_CAP_AMBIENT_LOWER:
      return Modify(request, [&](Credentials& who) {
        who.ambient &= ~bit;
        return 0;
      });
    case PR_CAP_AMBIENT_RAISE:
      return Modify(request, [&](Credentials& who) {
        if ((who.permitted & who.inheritable & bit) == 0) return -EPERM;
        who.ambient |= bit;
        return 0;
      });
    default:
      return -EINVAL;
  }
}

constexpr uint32_t kKeepCapabilities = 1U << 4;  // SECBIT_KEEP_CAPS
constexpr uint32_t kAllSecureBits = 0xff;

Answer SetSecureBits(Request& request, uint64_t bits) {
  return Modify(request, [&](Credentials& who) {
    if (!who.Has(Capability::kSetpcap)) return -EPERM;
    // A lock (the higher bit of each pair) holds the bit below it.
    const uint32_t locked = (who.secure_bits & 0xaa) >> 1;
    if ((bits & ~uint64_t{kAllSecureBits}) != 0 ||
        ((who.secure_bits ^ bits) & locked) != 0 ||
        (who.secure_bits & 0xaa & ~bits) != 0) {
      return -EPERM;
    }
    who.secure_bits = static_cast<uint32_t>(bits);
    return 0;
  });
}

}  // namespace

Answer HandleCredentialPrctl(Request& request) {
  const uint64_t value = request.argument(1);
  switch (request.argument(0)) {
    case PR_GET_DUMPABLE:
      return 1;
    case PR_SET_DUMPABLE:
      // The supervisor could no longer read its memory.
      return value <= 1 ? 0 : -EINVAL;
    case PR_GET_KEEPCAPS:
      return (request.credentials().secure_bits & kKeepCapabilities) != 0;
    case PR_SET_KEEPCAPS:
      if (value > 1) return -EINVAL;
      return Modify(request, [&](Credentials& who) {
        who.secure_bits &= ~kKeepCapabilities;
        if (value == 1) who.secure_bits |= kKeepCapabilities;
        return 0;
      });
    case PR_CAPBSET_READ:
      if (value > CAP_LAST_CAP) return -EINVAL;
      return static_cast<int64_t>(request.credentials().bounding >> value & 1);
    case PR_CAPBSET_DROP:
      return DropBounding(request, value);
    case PR_CAP_AMBIENT:
      return Ambient(request);
    case PR_GET_SECUREBITS:
      return request.credentials().secure_bits;
    case PR_SET_SECUREBITS:
      return SetSecureBits(request, value);
    default:
      return Answer::Continue();
  }
}

Answer HandleLimit(Request& request) {
  const int old = request.number() == SYS_prlimit64   ? 3
                  : request.number() == SYS_getrlimit ? 1
                                                      : -1;
  if (old < 0 || request.argument(old) == 0) return 0;
  const struct rlimit none = {RLIM_INFINITY, RLIM_INFINITY};
  return request.Write(request.argument(old), &none, sizeof(none));
}

namespace {

constexpr HandledCall kCalls[] = {
    {SYS_getuid, HandleGetuid},       {SYS_geteuid, HandleGeteuid},
    {SYS_getgid, HandleGetgid},       {SYS_getegid, HandleGetegid},
    {SYS_getresuid, HandleGetresuid}, {SYS_getresgid, HandleGetresgid},
    {SYS_getgroups, HandleGetgroups}, {SYS_setgroups, HandleSetgroups},
    {SYS_setuid, HandleSetuid},       {SYS_setreuid, HandleSetreuid},
    {SYS_setresuid, HandleSetresuid}, {SYS_setgid, HandleSetgid},
    {SYS_setregid, HandleSetregid},   {SYS_setresgid, HandleSetresgid},
    {SYS_setfsuid, HandleSetfsuid},   {SYS_setfsgid, HandleSetfsgid},
    {SYS_umask, HandleUmask},         {SYS_capget, HandleCapget},
    {SYS_capset, HandleCapset},
};

}  // namespace

std::span<const HandledCall> IdCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
