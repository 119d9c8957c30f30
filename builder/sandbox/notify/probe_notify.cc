// The probes do the real thing, with everything that a profile may refuse in
// it: a filter with a listener or a tracer, a descriptor passed, memory read
// and written, the label, a call rewritten by ptrace, the loader.

#include <elf.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "builder/sandbox/notify/listener.h"
#include "builder/sandbox/notify/notify_sandbox.h"
#include "builder/sandbox/notify/userns_emu_sandbox.h"
#include "builder/sandbox/scratch_directory.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {
namespace {

constexpr int kExitCode = 42;

// The smallest program: exit_group(42).
std::string TinyProgram() {
  constexpr uint64_t kAddress = 0x400000;
  constexpr unsigned char kCode[] = {0xbf, kExitCode, 0, 0, 0,  // mov edi, 42
                                     0xb8, 231,       0, 0, 0,  // mov eax, 231
                                     0x0f, 0x05};               // syscall
  struct {
    Elf64_Ehdr header;
    Elf64_Phdr segment;
    unsigned char code[sizeof(kCode)];
  } file = {};
  std::memcpy(file.header.e_ident, ELFMAG, SELFMAG);
  file.header.e_ident[EI_CLASS] = ELFCLASS64;
  file.header.e_ident[EI_DATA] = ELFDATA2LSB;
  file.header.e_ident[EI_VERSION] = EV_CURRENT;
  file.header.e_type = ET_EXEC;
  file.header.e_machine = EM_X86_64;
  file.header.e_version = EV_CURRENT;
  file.header.e_entry = kAddress + sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr);
  file.header.e_phoff = sizeof(Elf64_Ehdr);
  file.header.e_ehsize = sizeof(Elf64_Ehdr);
  file.header.e_phentsize = sizeof(Elf64_Phdr);
  file.header.e_phnum = 1;
  file.segment.p_type = PT_LOAD;
  file.segment.p_flags = PF_R | PF_X;
  file.segment.p_vaddr = kAddress;
  file.segment.p_filesz = file.segment.p_memsz = sizeof(file);
  file.segment.p_align = 0x1000;
  std::memcpy(file.code, kCode, sizeof(kCode));
  return std::string(reinterpret_cast<const char*>(&file), sizeof(file));
}

Status WriteProgram(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd file,
                   OpenFile(path.c_str(), O_CREAT | O_WRONLY, 0700));
  FdSink sink(file.get());
  return sink.Write(TinyProgram());
}

Status Try(Sandbox& sandbox, const std::string& root) {
  ProcessSpec spec;
  spec.argv = {"/probe"};
  spec.root.path = root;
  ASSIGN_OR_RETURN(const ExitStatus status, sandbox.Run(spec, {}, {}));
  if (status.code == kExitCode) return {};
  return Unsupported("a program under the supervisor ended with " +
                     std::to_string(status.ShellCode()));
}

Status Probe(Sandbox& sandbox, const std::string& scratch) {
#ifndef __x86_64__
  return Unsupported("system calls are emulated on x86-64 only");
#endif
  ASSIGN_OR_RETURN(const ScratchDirectory root,
                   ScratchDirectory::Make(scratch));
  RETURN_IF_ERROR(WriteProgram(root.path() + "/probe"));
  Status tried = Try(sandbox, root.path());
  if (tried) return tried;
  return Unsupported(tried.error().message());
}

Status ProbeTransport(notify::CallTransport transport,
                      const std::string& scratch) {
  NotifySandbox sandbox({.scratch = scratch, .transport = transport});
  return Probe(sandbox, scratch);
}

// Whether the kernel refuses a listener because there is one.
bool ListenerIsAround() {
  const pid_t child = fork();
  if (child == 0) {
    const BpfInstruction allow = {.code = BPF_RET | BPF_K,
                                  .operand = SECCOMP_RET_ALLOW};
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    _exit(notify::InstallListener({&allow, 1}) == -EBUSY ? 1 : 0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}

}  // namespace

Status ProbeNotify(const std::string& scratch) {
  static const Status probed =
      ProbeTransport(notify::CallTransport::kListener, scratch);
  return probed;
}

Status ProbeUsernsEmu(const std::string& scratch) {
  static const Status probed = [&] {
    UsernsEmuSandbox sandbox;
    return Probe(sandbox, scratch);
  }();
  return probed;
}

Status ProbeTrace(const std::string& scratch) {
  static const Status probed = ProbeTransport(TracerHere(), scratch);
  return probed;
}

notify::CallTransport TracerHere() {
  static const notify::CallTransport here =
      ListenerIsAround() ? notify::CallTransport::kEagerTracer
                         : notify::CallTransport::kTracer;
  return here;
}

}  // namespace strake::builder::sandbox
