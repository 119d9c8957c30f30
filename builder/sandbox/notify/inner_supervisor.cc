#include "builder/sandbox/notify/inner_supervisor.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/notify/emulation.h"
#include "builder/sandbox/notify/kernel_mounts.h"
#include "builder/sandbox/notify/supervisor_parts.h"
#include "util/byte_stream.h"
#include "util/rooted_fs.h"

namespace strake::builder::sandbox::notify {
namespace {

class InnerSupervisor {
 public:
  explicit InnerSupervisor(const InnerSupervisorPlan& plan)
      : plan_(plan), spec_(*plan.spec) {}

  [[noreturn]] void Run() {
    BecomeSupervisor();
    Result<UniqueFd> root =
        OpenFile(spec_.root.path.c_str(), O_PATH | O_DIRECTORY);
    if (!root || !ReceiveListener()) _exit(1);
    if (!Prepare(root->get())) _exit(1);
    StartWorkers(*transport_, *emulation_);
    WaitForEnd();
    _exit(WriteResults(*emulation_, spec_, root->get(), mount_owners_,
                       plan_.results)
              ? 0
              : 1);
  }

 private:
  void BecomeSupervisor() const {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NAME, "strake-notify");
    setsid();
    umask(0);
    KeepOnly({plan_.socket, plan_.results});
    ResetSignals();
    TakeAllDescriptors();
  }

  // The listener, and by which number we know its sender.
  bool ReceiveListener() {
    char byte = 0;
    Packet packet = ReceivePacket(plan_.socket, &byte, 1);
    listener_ = std::move(packet.fd);
    first_ = packet.sender;
    return listener_ && first_ > 0;
  }

  bool Prepare(int root) {
    Result<std::vector<VirtualMount>> mounts = KernelMounts(first_);
    if (!mounts) {
      Say(mounts.error().message());
      return false;
    }
    emulation_ = std::make_unique<Emulation>(std::move(mounts).value(),
                                             FirstCredentials(spec_), Program{},
                                             MountTable::KnownTo::kKernel);
    emulation_->say = [this](const std::string& text) { Say(text); };
    emulation_->set_wants_touched(spec_.touched != nullptr);
    // Without rights to do so, nobody mounts anything in the step.
    if (!spec_.insecure) emulation_->paths.directories().SwitchOn();
    auto transport = std::make_unique<Listener>(std::move(listener_));
    transport_ = transport.get();
    emulation_->transport = std::move(transport);
    if (spec_.journal != nullptr) {
      emulation_->inodes.Import(root, *spec_.journal);
    }
    Status known = mount_owners_.Import(spec_, emulation_->inodes);
    if (!known) {
      Say(known.error().message());
      return false;
    }
    for (const Mount& mount : spec_.mounts) SetOwner(mount);
    return true;
  }

  // What was mounted has an owner, too.
  void SetOwner(const Mount& mount) {
    if (mount.uid == 0 && mount.gid == 0) return;
    Result<UniqueFd> fd =
        OpenInRoot(emulation_->mounts.root().fd.get(), mount.target, O_PATH);
    struct stat file {};
    if (!fd || fstat(fd->get(), &file) != 0) return;
    VirtualMetadata meant;
    meant.mode = file.st_mode;
    meant.uid = mount.uid;
    meant.gid = mount.gid;
    emulation_->inodes.Set(KeyOf(file), std::move(meant));
  }

  // On the first process's standard error, while there is one.
  void Say(const std::string& text) const {
    const std::string path = "/proc/" + std::to_string(first_) + "/fd/2";
    const UniqueFd fd(open(path.c_str(), O_WRONLY | O_NOCTTY | O_CLOEXEC));
    if (fd) dprintf(fd.get(), "strake: %s\n", text.c_str());
  }

  void WaitForEnd() const {
    char byte = 0;
    ssize_t n = 0;
    do {
      n = recv(plan_.socket, &byte, 1, 0);
    } while (n > 0 || (n < 0 && errno == EINTR));
  }

  const InnerSupervisorPlan& plan_;
  const ProcessSpec& spec_;
  MountOwners mount_owners_;
  UniqueFd listener_;
  pid_t first_ = -1;
  std::unique_ptr<Emulation> emulation_;
  Listener* transport_ = nullptr;  // of `emulation_`
};

}  // namespace

void RunInnerSupervisor(const InnerSupervisorPlan& plan) {
  InnerSupervisor(plan).Run();
}

}  // namespace strake::builder::sandbox::notify
