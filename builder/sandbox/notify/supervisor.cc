#include "builder/sandbox/notify/supervisor.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/child.h"
#include "builder/sandbox/kill_descendants.h"
#include "builder/sandbox/memory_file.h"
#include "builder/sandbox/notify/emulation.h"
#include "builder/sandbox/notify/filter.h"
#include "builder/sandbox/notify/find_program.h"
#include "builder/sandbox/notify/handlers.h"
#include "builder/sandbox/notify/label.h"
#include "builder/sandbox/notify/listener.h"
#include "builder/sandbox/notify/loader/image.h"
#include "builder/sandbox/notify/reaper.h"
#include "builder/sandbox/notify/rewrite.h"
#include "builder/sandbox/notify/supervisor_parts.h"
#include "builder/sandbox/notify/tracer.h"
#include "builder/sandbox/seccomp_filter.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::builder::sandbox::notify {
namespace {

void DropCapabilities() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {};
  syscall(SYS_capset, &header, none);
  prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

class Supervisor {
 public:
  explicit Supervisor(SupervisorPlan& plan) : plan_(plan), spec_(*plan.spec) {}

  [[noreturn]] void Run() {
    BecomeSupervisor();
    Prepare();
    StartReaper();
    TakeAllDescriptors();
    const pid_t first = ReceiveStart();
    if (tracer_ == nullptr) {
      LetGo(first);
      StartWorkers(*listener_, *emulation_);
    } else {
      StartTracer(first);
    }
    if (const std::optional<int> status = WaitForEnd()) ReportEnd(*status);
    waitpid(reaper_, nullptr, __WALL);
    KillDescendants();
    const int root = emulation_->mounts.root().fd.get();
    _exit(WriteResults(*emulation_, spec_, root, mount_owners_, plan_.results)
              ? 0
              : 1);
  }

 private:
  [[noreturn]] void Fail(ChildStep step, int error, int32_t index = 0) {
    const ChildReport report{.kind = ChildReport::Kind::kFailed,
                             .step = step,
                             .error = error,
                             .index = index};
    send(plan_.channel, &report, sizeof(report), MSG_NOSIGNAL);
    KillDescendants();
    _exit(1);
  }

  void BecomeSupervisor() {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    prctl(PR_SET_NAME, "strake-notify");
    setsid();
    umask(0);
    std::vector<int> keep = {plan_.channel, plan_.alive, plan_.results};
    for (int& fd : plan_.stdio) {
      fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
      keep.push_back(fd);
    }
    for (const VirtualMount& mount : plan_.mounts) {
      keep.push_back(mount.fd.get());
    }
    KeepOnly(std::move(keep));
    DropCapabilities();
    ResetSignals();
  }

  void Prepare() {
    Credentials who = FirstCredentials(spec_);
    emulation_ =
        std::make_unique<Emulation>(std::move(plan_.mounts), who, Program{});
    Emulation& emulation = *emulation_;
    emulation.say = [fd = plan_.stdio[2]](const std::string& text) {
      dprintf(fd, "strake: %s\n", text.c_str());
    };
    emulation.set_wants_touched(spec_.touched != nullptr);
    emulation.paths.directories().SwitchOn();
    const int root = emulation.mounts.root().fd.get();
    if (spec_.journal != nullptr) emulation.inodes.Import(root, *spec_.journal);
    if (Status known = mount_owners_.Import(spec_, emulation.inodes); !known) {
      emulation.say(known.error().message());
      Fail(ChildStep::kExec, EIO);
    }
    for (auto& [key, metadata] : plan_.meant) {
      emulation.inodes.Set(key, metadata);
    }
    Result<UniqueFd> loader =
        MakeProgramFile("strake-loader", LoaderImage(), plan_.folder);
    if (!loader) {
      emulation.say(loader.error().message());
      Fail(ChildStep::kExec, EIO);
    }
    emulation.loader = std::move(loader).value();

    const Viewer anybody{.thread = getpid(), .who = &Credentials::Almighty()};
    Place cwd;
    if (int failed = emulation.paths.Find(anybody, AT_FDCWD, spec_.cwd,
                                          Follow::kYes, cwd)) {
      Fail(ChildStep::kEnterCwd, -failed);
    }
    cwd_ = std::move(cwd.fd);
    FindFirstProgram(who);
  }

  // As execvp(3) looks for it: the first candidate that can be executed; else
  // the first error that says more than that it is not there.
  void FindFirstProgram(const Credentials& who) {
    // Relative candidates start at the working directory: ours, for now.
    (void)!fchdir(cwd_.get());
    const Viewer viewer{.thread = getpid(), .who = &who};
    int error = ENOENT;
    int32_t index = 0;
    for (size_t i = 0; i < plan_.candidates.size(); ++i) {
      FoundProgram found;
      const int failed = FindProgram(*emulation_, viewer, AT_FDCWD,
                                     plan_.candidates[i], 0, found);
      if (failed == 0) {
        next_ = {
            .program = emulation_->programs.Intern(std::move(found.program)),
            .credentials =
                emulation_->credentials.Intern(std::move(found.credentials)),
            .executable = std::move(found.executable),
            .interpreter = std::move(found.interpreter)};
        (void)!chdir("/");
        return;
      }
      const bool missing = failed == -ENOENT || failed == -ENOTDIR;
      if (!missing && error == ENOENT) {
        error = -failed;
        index = static_cast<int32_t>(i);
      } else if (missing && error == ENOENT && IsThere(plan_.candidates[i])) {
        Fail(ChildStep::kExecInterpreter, ENOENT, static_cast<int32_t>(i));
      }
    }
    Fail(ChildStep::kExec, error, index);
  }

  bool IsThere(const std::string& path) const {
    const Viewer anybody{.thread = getpid(), .who = &Credentials::Almighty()};
    Place place;
    return emulation_->paths.Find(anybody, AT_FDCWD, path, Follow::kYes,
                                  place) == 0;
  }

  void StartReaper() {
    Result<Channel> channel = MakeChannel();
    if (!channel) Fail(ChildStep::kFork, errno);
    reaper_socket_ = std::move(channel->ours);
    const UniqueFd theirs = std::move(channel->theirs);
    const bool listens = plan_.transport == CallTransport::kListener;
    std::vector<int> calls = AllHandledCalls();
    if (emulation_->inodes.has_devices()) calls.push_back(SYS_getdents64);
    std::vector<BpfInstruction> filter = NotifyFilter(
        calls, listens ? AnsweredBy::kListener : AnsweredBy::kTracer);
    if (!listens) MakeTracer(filter);
    const std::vector<BpfInstruction> denials =
        spec_.insecure ? std::vector<BpfInstruction>() : DefaultSeccompFilter();
    const std::string loader = PathForTracee(emulation_->loader.get());
    const std::vector<char*> argv = CStrings(spec_.argv);
    const std::vector<char*> envp = CStrings(spec_.env);
    ReaperPlan plan;
    plan.supervisor = theirs.get();
    plan.cwd = cwd_.get();
    for (int i = 0; i < 3; ++i) plan.stdio[i] = plan_.stdio[i];
    plan.umask = Label{}.umask;
    plan.denials = denials;
    plan.listens = listens;
    plan.filter = filter;
    plan.loader_path = loader.c_str();
    plan.argv = argv.data();
    plan.envp = envp.data();
    reaper_ = fork();
    if (reaper_ < 0) Fail(ChildStep::kFork, errno);
    if (reaper_ == 0) {
      reaper_socket_.reset();
      RunReaper(plan);
    }
  }

  // The first process, which waits; takes over its listener.
  pid_t ReceiveStart() {
    ReaperMessage message;
    Packet packet =
        ReceivePacket(reaper_socket_.get(), &message, sizeof(message));
    if (packet.size != sizeof(message)) Fail(ChildStep::kFork, ECHILD);
    if (message.kind == ReaperMessage::Kind::kFailed) {
      Fail(static_cast<ChildStep>(message.step), message.error);
    }
    if (tracer_ != nullptr) return message.process;
    if (!packet.fd) Fail(ChildStep::kSeccomp, EBADF);
    auto transport = std::make_unique<Listener>(std::move(packet.fd));
    listener_ = transport.get();
    emulation_->transport = std::move(transport);
    return message.process;
  }

  void LetGo(pid_t first) {
    emulation_->SetNextProgram(first, next_);
    emulation_->transport->SetLabel(first, {.program = next_.program,
                                            .credentials = next_.credentials,
                                            .umask = Label{}.umask});
    send(reaper_socket_.get(), "", 1, MSG_NOSIGNAL);
    const ChildReport report{.kind = ChildReport::Kind::kStarted};
    send(plan_.channel, &report, sizeof(report), MSG_NOSIGNAL);
  }

  // Takes `filter` where it is to run it itself.
  void MakeTracer(std::vector<BpfInstruction>& filter) {
    std::vector<BpfInstruction> own;
    if (plan_.transport == CallTransport::kEagerTracer) own.swap(filter);
    auto tracer = std::make_unique<Tracer>(
        std::move(own),
        [this](const Notification& call) { AnswerCall(*emulation_, call); });
    tracer_ = tracer.get();
    emulation_->transport = std::move(tracer);
  }

  // A thread of its own: this one waits for the reaper, its child. Detached: it
  // waits for its tracees until the process ends, and goes with it.
  void StartTracer(pid_t first) {
    std::thread([this, first] {
      if (int failed = tracer_->Attach(first)) {
        Fail(ChildStep::kTrace, -failed);
      }
      LetGo(first);
      tracer_->Run();
    }).detach();
  }

  std::optional<int> WaitForEnd() {
    ReaperMessage message;
    const ssize_t n = recv(reaper_socket_.get(), &message, sizeof(message), 0);
    if (n != sizeof(message)) return std::nullopt;
    return message.status;
  }

  void ReportEnd(int status) {
    const ChildReport report = ExitReport(status);
    send(plan_.channel, &report, sizeof(report), MSG_NOSIGNAL);
  }

  SupervisorPlan& plan_;
  const ProcessSpec& spec_;
  std::unique_ptr<Emulation> emulation_;
  MountOwners mount_owners_;
  // The transport is one of these.
  Listener* listener_ = nullptr;
  Tracer* tracer_ = nullptr;
  UniqueFd cwd_;
  UniqueFd reaper_socket_;
  pid_t reaper_ = -1;
  Emulation::NextProgram next_;
};

// The mounts' journals, the root's, and the touched paths, each followed by
// NUL.
Status ReadResults(int results, const ProcessSpec& spec) {
  const std::vector<OwnershipJournal*> journals = JournalsToUpdate(spec);
  const bool wants_root = spec.journal != nullptr || spec.touched != nullptr;
  if (lseek(results, 0, SEEK_SET) != 0) return ErrnoError("lseek");
  FdSource source(results);
  constexpr uint64_t kLimit = uint64_t{1} << 32;
  ASSIGN_OR_RETURN(const std::string text, ReadAll(source, kLimit));
  if (text.starts_with(kNoResults)) {
    return IoError("read the owners of the files that were made: " +
                   text.substr(kNoResults.size()));
  }
  const std::vector<std::string_view> parts = Split(text, '\0');
  const size_t expected = journals.size() + (wants_root ? 1 : 0);
  if (parts.size() <= expected) {
    return Internal("the supervisor left too little behind");
  }
  for (size_t i = 0; i < journals.size(); ++i) {
    ASSIGN_OR_RETURN(*journals[i], OwnershipJournal::Parse(parts[i]));
  }
  if (spec.journal != nullptr) {
    ASSIGN_OR_RETURN(*spec.journal,
                     OwnershipJournal::Parse(parts[journals.size()]));
  }
  if (spec.touched == nullptr) return {};
  std::set<std::string> touched;
  for (size_t i = expected; i + 1 < parts.size(); ++i) {
    touched.emplace(parts[i]);
  }
  *spec.touched = std::move(touched);
  return {};
}

}  // namespace

Status TakeResults(int results, const ProcessSpec& spec) {
  Status taken = ReadResults(results, spec);
  if (taken) return taken;
  return std::move(taken).error().Wrap("owners of the files that \"" +
                                       spec.argv.front() + "\" made");
}

void RunSupervisor(SupervisorPlan& plan) { Supervisor(plan).Run(); }

}  // namespace strake::builder::sandbox::notify
