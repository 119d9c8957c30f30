// execve(2), the loader's question, chdir(2), chroot(2), inotify.

#include <elf.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "builder/sandbox/notify/find_program.h"
#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/handlers_ids.h"
#include "builder/sandbox/notify/host_path.h"
#include "builder/sandbox/notify/loader/protocol.h"
#include "builder/sandbox/notify/rewrite.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {
namespace {

size_t TextSize(const Program& program) {
  size_t size = program.given_name.size() + 1;
  for (const std::string& argument : program.script_arguments) {
    size += argument.size() + 1;
  }
  return size;
}

// The process that the program is for. A thread that is not the leader takes
// its place once the others are gone.
pid_t Executing(pid_t thread) {
  const bool leads = syscall(SYS_tgkill, thread, thread, 0) == 0;
  return leads ? thread : ProcessOfThread(thread);
}

bool IsOf32Bits(const Place& place) {
  const UniqueFd file(open(HostPath::OwnDescriptor(place.fd.get()).c_str(),
                           O_RDONLY | O_CLOEXEC));
  char head[EI_CLASS + 1] = {};
  return pread(file.get(), head, sizeof(head), 0) == sizeof(head) &&
         std::memcmp(head, ELFMAG, SELFMAG) == 0 &&
         head[EI_CLASS] == ELFCLASS32;
}

// Whether the process stays who it is when it executes the file, and may.
bool IsPlainProgram(Request& request, const Place& place) {
  if (!request.IsKernelsAlone()) return false;
  struct stat meant {};
  if (fstat(place.fd.get(), &meant) != 0 ||
      request.emulation().inodes.HasXattrs(meant)) {
    return false;
  }
  request.emulation().inodes.Apply(meant);
  if ((meant.st_mode & (S_ISUID | S_ISGID)) != 0) return false;
  Credentials after = request.credentials();
  after.Execute(meant, "");
  return after == request.credentials() && !IsOf32Bits(place);
}

// The kernel executes it. Should that fail for a reason that only it can know
// (too long arguments), a process that would have become somebody else has.
Answer ExecuteNatively(Request& request, int directory, const std::string& path,
                       int flags) {
  Place place;
  const Follow follow =
      (flags & AT_SYMLINK_NOFOLLOW) != 0 ? Follow::kNo : Follow::kYes;
  const PathResolver& paths = request.emulation().paths;
  const int failed =
      path.empty()
          ? paths.FindDescriptor(request.viewer(), directory, place)
          : paths.Find(request.viewer(), directory, path, follow, place);
  if (failed != 0) return failed;
  if (IsPlainProgram(request, place)) return Answer::Continue();
  FoundProgram found;
  if (int denied = FindProgram(request.emulation(), request.viewer(), directory,
                               path, flags, found)) {
    return denied;
  }
  request.SetCredentials(std::move(found.credentials));
  return Answer::Continue();
}

Answer Execute(Request& request, int directory, int path, int arguments,
               int flags) {
  std::string text;
  if (int failed = request.ReadPath(path, text)) return failed;
  if (text.empty() && (flags & AT_EMPTY_PATH) == 0) return -ENOENT;
  Emulation& emulation = request.emulation();
  if (emulation.has_native_paths()) {
    // The kernel refuses what is open for writing.
    emulation.under_way.WaitForEarlier();
    return ExecuteNatively(request, directory, text, flags);
  }
  FoundProgram found;
  if (int failed = FindProgram(emulation, request.viewer(), directory, text,
                               flags, found)) {
    return failed;
  }
  if (TextSize(found.program) > sizeof(LoadOrder::text)) return -E2BIG;
  emulation.SetNextProgram(
      Executing(request.thread()),
      {.program = emulation.programs.Intern(std::move(found.program)),
       .credentials =
           emulation.credentials.Intern(std::move(found.credentials)),
       .executable = std::move(found.executable),
       .interpreter = std::move(found.interpreter),
       .has_path = found.has_path});
  SendToCall(request, {.number = SYS_execve,
                       .arguments = {{0, kArenaAddress},
                                     {1, request.argument(arguments)},
                                     {2, request.argument(arguments + 1)}},
                       .data = {}});
  return Answer::Given();
}

Answer HandleExecve(Request& request) {
  return Execute(request, AT_FDCWD, 0, 1, 0);
}
Answer HandleExecveat(Request& request) {
  const int flags = request.Int(4);
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) return -EINVAL;
  return Execute(request, request.Int(0), 1, 2, flags);
}

// Gives the loader a descriptor of the file that was found before: `opened`, or
// else what is at `path`.
int SendFile(Request& request, const std::shared_ptr<const UniqueFd>& opened,
             const std::string& path) {
  if (opened != nullptr) {
    return request.emulation().transport->AddDescriptor(request.call(),
                                                        opened->get());
  }
  const Viewer viewer{.thread = request.thread(),
                      .who = &Credentials::Almighty()};
  Place place;
  if (int failed = request.emulation().paths.Find(viewer, AT_FDCWD, path,
                                                  Follow::kYes, place)) {
    return failed;
  }
  const UniqueFd file(open(HostPath::OwnDescriptor(place.fd.get()).c_str(),
                           O_RDONLY | O_CLOEXEC));
  if (!file) return -errno;
  return request.emulation().transport->AddDescriptor(request.call(),
                                                      file.get());
}

Answer GiveOrder(Request& request) {
  Emulation& emulation = request.emulation();
  const auto next = emulation.TakeNextProgram(request.thread());
  if (!next) return -EINVAL;
  Label label = request.label();
  label.program = next->program;
  label.credentials = next->credentials;
  request.SetLabel(label);
  const Program& program = emulation.programs.Get(next->program);
  const Credentials& who = request.credentials();

  LoadOrder order = {};
  std::snprintf(order.loader_path, sizeof(order.loader_path), "%s",
                PathForTracee(emulation.loader.get()).c_str());
  order.executable = SendFile(request, next->executable, program.executable);
  if (order.executable < 0) return order.executable;
  order.interpreter = -1;
  if (!program.interpreter.empty()) {
    order.interpreter =
        SendFile(request, next->interpreter, program.interpreter);
    if (order.interpreter < 0) return order.interpreter;
  }
  order.uid = who.ruid;
  order.euid = who.euid;
  order.gid = who.rgid;
  order.egid = who.egid;
  order.secure = program.secure ? 1 : 0;
  order.script_arguments =
      static_cast<uint32_t>(program.script_arguments.size());
  std::snprintf(order.short_name, sizeof(order.short_name), "%s",
                program.short_name.c_str());
  std::string text = program.given_name + '\0';
  for (const std::string& argument : program.script_arguments) {
    text += argument + '\0';
  }
  std::memcpy(order.text, text.data(), text.size());
  return request.Write(request.argument(1), &order,
                       offsetof(LoadOrder, text) + text.size());
}

Answer HandlePrctl(Request& request) {
  if (request.argument(0) == kLoaderRequest) return GiveOrder(request);
  return HandleCredentialPrctl(request);
}

Answer HandleChdir(Request& request) {
  if (request.IsKernelsAlone()) return Answer::Continue();
  Place place;
  if (int failed = request.Find(AT_FDCWD, 0, 0, place)) return failed;
  struct stat file {};
  if (int failed = request.Stat(place.fd.get(), file)) return failed;
  if (!S_ISDIR(file.st_mode)) return -ENOTDIR;
  if (!request.May(place, 1)) return -EACCES;
  if (request.emulation().has_native_paths()) return Answer::Continue();
  int64_t result = 0;
  CallInTracee(request,
               {.number = SYS_chdir,
                .arguments = {{0, RewrittenCall::kSlot}},
                .data = PathForTracee(place.fd.get())},
               result);
  return Answer::Given();
}

Answer HandleChroot(Request&) { return -EPERM; }

Answer HandleInotifyAddWatch(Request& request) {
  if (request.IsKernelsAlone()) return Answer::Continue();
  const uint32_t mask = request.Uint(2);
  Place place;
  if (int failed = request.Find(
          AT_FDCWD, 1, (mask & IN_DONT_FOLLOW) != 0 ? AT_SYMLINK_NOFOLLOW : 0,
          place)) {
    return failed;
  }
  struct stat file {};
  if (fstat(place.fd.get(), &file) != 0) return -errno;
  if ((mask & IN_ONLYDIR) != 0 && !S_ISDIR(file.st_mode)) return -ENOTDIR;
  if (!request.May(place, 4)) return -EACCES;
  if (request.emulation().has_native_paths()) return Answer::Continue();
  int64_t result = 0;
  CallInTracee(request,
               {.number = SYS_inotify_add_watch,
                .arguments = {{1, RewrittenCall::kSlot},
                              {2, mask & ~uint64_t{IN_DONT_FOLLOW}}},
                .data = PathForTracee(place.fd.get())},
               result);
  return Answer::Given();
}

constexpr HandledCall kCalls[] = {
    {SYS_execve, HandleExecve},
    {SYS_chdir, HandleChdir},
    {SYS_inotify_add_watch, HandleInotifyAddWatch},
    {SYS_prctl, HandlePrctl, true},
    {SYS_prlimit64, HandleLimit, true},
    {SYS_getrlimit, HandleLimit, true},
    {SYS_setrlimit, HandleLimit, true},
    {SYS_execveat, HandleExecveat},
    {SYS_chroot, HandleChroot},
};

}  // namespace

std::span<const HandledCall> ProcessCalls() { return kCalls; }

}  // namespace strake::builder::sandbox::notify
