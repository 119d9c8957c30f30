#include "builder/sandbox/emulators.h"

#include <elf.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "builder/sandbox/channel.h"
#include "builder/sandbox/child_program.h"
#include "builder/sandbox/id_map.h"
#include "builder/sandbox/scratch_directory.h"
#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/guarded.h"
#include "util/result_macros.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

constexpr const char* kFolders[] = {"/usr/bin/", "/usr/local/bin/", "/bin/"};

// An interpreter that needs no dynamic loader: in the root that it will run in
// there is none for it.
bool IsStaticProgram(const std::string& path) {
  auto file = OpenFile(path.c_str(), O_RDONLY);
  if (!file) return false;
  Elf64_Ehdr header{};
  if (pread(file->get(), &header, sizeof(header), 0) != sizeof(header) ||
      std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
      header.e_ident[EI_CLASS] != ELFCLASS64) {
    return false;
  }
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    auto at = static_cast<off_t>(header.e_phoff +
                                 sizeof(segment) * static_cast<size_t>(i));
    if (pread(file->get(), &segment, sizeof(segment), at) != sizeof(segment) ||
        segment.p_type == PT_INTERP) {
      return false;
    }
  }
  return true;
}

std::string Escaped(const uint8_t* bytes, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) {
    char one[5];
    std::snprintf(one, sizeof(one), "\\x%02x", bytes[i]);
    text += one;
  }
  return text;
}

// --- Whether the kernel does it already --------------------------------------

struct ExecProbe {
  const char* root = nullptr;
  int null_device = -1;
  int failed = -1;  // receives errno where the program was not started
};

// In a child, under the rules of `child.h`.
[[noreturn]] void TryExec(const ExecProbe& probe) {
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  int error = 0;
  if (chdir(probe.root) != 0 || chroot(".") != 0) {
    error = errno;
  } else {
    // What the emulator has to say of a program that is none is not for people.
    for (int i = 0; i < 3; ++i) dup2(probe.null_device, i);
    char name[] = "/program";
    char* const argv[] = {name, nullptr};
    char* const envp[] = {nullptr};
    execve(name, argv, envp);
    error = errno;
  }
  (void)!write(probe.failed, &error, sizeof(error));
  _exit(127);
}

Result<bool> ProbeKernel(const Machine& machine) {
  ASSIGN_OR_RETURN(ScratchDirectory root, ScratchDirectory::Make(""));
  std::array<uint8_t, 64> header = ElfHeader(machine);
  RETURN_IF_ERROR(WriteFileAtomically(
      root.path() + "/program",
      std::string_view(reinterpret_cast<const char*>(header.data()),
                       header.size()),
      {.mode = 0755}));
  ASSIGN_OR_RETURN(UniqueFd null_device, OpenFile("/dev/null", O_RDWR));
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError("pipe2");
  UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  std::string path = root.path();
  const ExecProbe probe{path.c_str(), null_device.get(), write_end.get()};
  const pid_t child = RawFork();
  if (child < 0) return ErrnoError("fork");
  if (child == 0) TryExec(probe);
  write_end.reset();
  int error = 0;
  ssize_t n = 0;
  do {
    n = read(read_end.get(), &error, sizeof(error));
  } while (n < 0 && errno == EINTR);
  while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  return n == 0;
}

// --- Emulators of our own ----------------------------------------------------

// What registering needs, ready for a child.
struct Registrations {
  std::vector<std::string> lines;
};

Registrations AllRegistrations() {
  Registrations all;
  for (const Machine& machine : Machines()) {
    if (IsNative(machine)) continue;
    std::string emulator = FindEmulator(machine);
    if (!emulator.empty()) {
      all.lines.push_back(RegistrationLine(machine, emulator));
    }
  }
  return all;
}

struct Registered {
  int mount = -1;
  int error = 0;
  const char* step = "";
};

// Makes the binfmt_misc of the current user namespace and fills it. System
// calls only.
Registered Register(const Registrations& registrations) {
  auto fail = [](const char* step) { return Registered{-1, errno, step}; };
  const int fs =
      static_cast<int>(syscall(SYS_fsopen, "binfmt_misc", FSOPEN_CLOEXEC));
  if (fs < 0) return fail("fsopen of binfmt_misc");
  if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) !=
      0) {
    return fail("making a binfmt_misc in a user namespace (Linux 6.7)");
  }
  const int mount =
      static_cast<int>(syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0));
  if (mount < 0) return fail("fsmount of binfmt_misc");
  close(fs);
  const int file = openat(mount, "register", O_WRONLY | O_CLOEXEC);
  if (file < 0) return fail("opening binfmt_misc's register");
  for (const std::string& line : registrations.lines) {
    if (write(file, line.data(), line.size()) < 0 && errno != EEXIST) {
      return fail("registering an emulator");
    }
  }
  close(file);
  return {mount, 0, ""};
}

Error RegisterError(const Registered& tried) {
  return Unsupported(std::string(tried.step) + ": " +
                     std::strerror(tried.error));
}

// A user namespace like ours, with emulators.
class EmulatorNamespace {
 public:
  // The descriptor of the namespace. What it and the mount hold is given back
  // at the end of the process.
  static Result<int> Make(const Registrations& registrations) {
    ASSIGN_OR_RETURN(Channel channel, MakeChannel());
    const pid_t child = RawFork();
    if (child < 0) return ErrnoError("fork");
    if (child == 0) Child(channel.theirs.get(), registrations);
    channel.theirs.reset();
    auto made = Lead(channel.ours.get(), child);
    channel.ours.reset();
    kill(child, SIGKILL);
    while (waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
    }
    return made;
  }

 private:
  // Enters a namespace, waits for its ids, registers, hands over the mount.
  [[noreturn]] static void Child(int channel,
                                 const Registrations& registrations) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    Registered result;
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
      result = {-1, errno, "unshare of a user namespace"};
    }
    Tell(channel, result);
    char mapped = 0;
    if (recv(channel, &mapped, 1, 0) != 1) _exit(1);
    Tell(channel, Register(registrations));
    (void)!recv(channel, &mapped, 1, 0);
    _exit(0);
  }

  static void Tell(int channel, const Registered& result) {
    SendPacket(channel, &result, sizeof(result), result.mount);
  }

  // A child's result; its literals are at the same places in us.
  static Result<Registered> Hear(int channel) {
    Registered result;
    Packet packet = ReceivePacket(channel, &result, sizeof(result));
    if (packet.size != sizeof(result)) {
      return Unsupported("the process that was to register emulators died");
    }
    result.mount = packet.fd.release();
    if (result.error != 0) return RegisterError(result);
    return result;
  }

  static Status MapIds(pid_t child) {
    for (const char* map : {"gid_map", "uid_map"}) {
      ASSIGN_OR_RETURN(
          UniqueFd own,
          OpenFile((std::string("/proc/self/") + map).c_str(), O_RDONLY));
      FdSource source(std::move(own));
      ASSIGN_OR_RETURN(std::string text, ReadAll(source, 65536));
      const std::string target = "/proc/" + std::to_string(child) + "/" + map;
      ASSIGN_OR_RETURN(UniqueFd file, OpenFile(target.c_str(), O_WRONLY));
      const std::string identity = FormatIdMap(IdentityMap(text));
      if (write(file.get(), identity.data(), identity.size()) < 0) {
        return ErrnoError("write " + target);
      }
    }
    return {};
  }

  static Result<int> Lead(int channel, pid_t child) {
    ASSIGN_OR_RETURN(Registered entered, Hear(channel));
    (void)entered;
    RETURN_IF_ERROR(MapIds(child));
    ASSIGN_OR_RETURN(
        UniqueFd space,
        OpenFile(("/proc/" + std::to_string(child) + "/ns/user").c_str(),
                 O_RDONLY));
    if (send(channel, "", 1, MSG_NOSIGNAL) != 1) return ErrnoError("send");
    ASSIGN_OR_RETURN(Registered registered, Hear(channel));
    if (registered.mount < 0) return Internal("no mount came");
    // Both stay open: the registrations end with the mount.
    return space.release();
  }
};

// Once in a process.
Result<EmulationPlace> OwnEmulators(Emulation emulation) {
  static const Result<EmulationPlace> place =
      [emulation]() -> Result<EmulationPlace> {
    const Registrations registrations = AllRegistrations();
    if (emulation == Emulation::kApart) {
      ASSIGN_OR_RETURN(int space, EmulatorNamespace::Make(registrations));
      return EmulationPlace{space};
    }
    const Registered registered = Register(registrations);
    if (registered.error != 0) return RegisterError(registered);
    return EmulationPlace{};
  }();
  return place;
}

}  // namespace

std::string FindEmulator(const Machine& machine) {
  for (const char* folder : kFolders) {
    for (const char* suffix : {"-static", ""}) {
      std::string path = folder;
      path += "qemu-";
      path += machine.qemu;
      path += suffix;
      if (IsStaticProgram(path)) return path;
    }
  }
  return "";
}

std::string RegistrationLine(const Machine& machine,
                             const std::string& emulator) {
  constexpr size_t kBytes = 20;  // up to e_machine
  std::array<uint8_t, 64> magic = ElfHeader(machine);
  std::array<uint8_t, kBytes> mask{};
  for (size_t i = 0; i < kBytes; ++i) {
    mask[i] = i <= EI_VERSION || i >= EI_NIDENT ? 0xff : 0;
  }
  // Programs of fixed and of any address alike (ET_EXEC, ET_DYN).
  mask[machine.is_big_endian ? 17 : 16] = 0xfe;
  // P: argv[0] stays; C: set-id programs are that; F: opened now, for every
  // root file system.
  return ":strake-" + std::string(machine.qemu) +
         ":M::" + Escaped(magic.data(), kBytes) + ":" +
         Escaped(mask.data(), kBytes) + ":" + emulator + ":PCF";
}

bool KernelRuns(const Machine& machine) {
  static Guarded<std::map<const Machine*, bool>> known;
  auto locked = known.lock();
  auto it = locked->find(&machine);
  if (it == locked->end()) {
    it = locked->emplace(&machine, ProbeKernel(machine).value_or(false)).first;
  }
  return it->second;
}

Result<EmulationPlace> PrepareEmulation(const ProcessSpec& spec,
                                        Emulation emulation) {
  std::optional<ForeignProgram> program = FindForeignProgram(spec);
  if (!program) return EmulationPlace{};
  if (KernelRuns(*program->machine)) return EmulationPlace{};
  const std::string none_registered =
      "binfmt_misc has no emulator for it that is opened at once (flag F)";
  if (emulation == Emulation::kKernelOnly) {
    return NotRunnable(
        *program, none_registered +
                      ", and with this isolation strake cannot register one; "
                      "install the package qemu-user-static on the host");
  }
  if (FindEmulator(*program->machine).empty()) {
    return NotRunnable(*program, none_registered + ", and there is no qemu-" +
                                     std::string(program->machine->qemu) +
                                     "-static in /usr/bin; install the package "
                                     "qemu-user-static");
  }
  auto place = OwnEmulators(emulation);
  if (!place) {
    return NotRunnable(*program, none_registered +
                                     ", and strake cannot register one for "
                                     "itself: " +
                                     place.error().message());
  }
  if (place->user_namespace >= 0 && spec.insecure) {
    return NotRunnable(*program,
                       none_registered +
                           ", and --security=insecure is not possible in the "
                           "user namespace that strake would register one in");
  }
  return *place;
}

}  // namespace strake::builder::sandbox
