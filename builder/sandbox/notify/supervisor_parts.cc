#include "builder/sandbox/notify/supervisor_parts.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "builder/sandbox/child_plan.h"
#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/placement.h"
#include "util/byte_stream.h"

namespace strake::builder::sandbox::notify {
namespace {

constexpr unsigned kMostWorkers = 8;

// All there are: for `ProcessSpec::insecure`.
constexpr uint64_t kAllCapabilities = (uint64_t{1} << (CAP_LAST_CAP + 1)) - 1;

}  // namespace

void KeepOnly(std::vector<int> keep) {
  std::sort(keep.begin(), keep.end());
  int next = 3;
  for (int fd : keep) {
    if (fd >= next) {
      if (fd > next) {
        syscall(SYS_close_range, next, fd - 1, 0);
      }
      fcntl(fd, F_SETFD, FD_CLOEXEC);
      next = fd + 1;
    }
  }
  syscall(SYS_close_range, next, ~0U, 0);
}

void ResetSignals() {
  for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
}

void TakeAllDescriptors() {
  struct rlimit limit {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

Credentials FirstCredentials(const ProcessSpec& spec) {
  return Credentials::Start(
      spec.uid, spec.gid, spec.supplementary_gids,
      spec.insecure ? kAllCapabilities : kDefaultCapabilities);
}

void StartWorkers(Listener& listener, Emulation& emulation) {
  const unsigned count =
      std::clamp(std::thread::hardware_concurrency(), 2U, kMostWorkers);
  const auto placement = std::make_shared<Placement>(listener.fd());
  // They wait in the kernel for calls, which nothing can end but the end of all
  // callers, nor is it worth waiting for: detached, they go with the process.
  for (unsigned i = 0; i < count; ++i) {
    std::thread([&listener, &emulation, placement, i] {
      const auto receive = [&] {
        const auto turn = placement->AwaitTurn(i);
        return listener.Receive();
      };
      while (const auto call = receive()) {
        placement->Note(call->thread);
        AnswerCall(emulation, *call);
      }
    }).detach();
  }
}

bool WriteResults(Emulation& emulation, const ProcessSpec& spec, int root,
                  const MountOwners& mounts, int file) {
  // Answers to the dead may still be under way.
  const std::lock_guard lock(emulation.changes);
  const auto fail = [&](const Error& error) {
    (void)FdSink(file).Write(std::string(kNoResults) + error.message());
    return false;
  };
  Result<std::vector<OwnershipJournal>> journals =
      mounts.Export(emulation.inodes);
  if (!journals) return fail(journals.error());
  std::string text;
  for (const OwnershipJournal& journal : *journals) {
    text += journal.Serialize();
    text += '\0';
  }
  if (spec.journal != nullptr || spec.touched != nullptr) {
    Result<Emulation::Outcome> outcome = emulation.TakeOutcome(
        root, spec.journal != nullptr ? *spec.journal : OwnershipJournal());
    if (!outcome) return fail(outcome.error());
    text += outcome->journal.Serialize();
    text += '\0';
    for (const std::string& path : outcome->touched) {
      text += path;
      text += '\0';
    }
  }
  FdSink sink(file);
  return static_cast<bool>(sink.Write(text));
}

}  // namespace strake::builder::sandbox::notify
