// Makes a `ChildPlan` and owns what it points to.

#ifndef STRAKE_BUILDER_SANDBOX_CHILD_PLAN_H_
#define STRAKE_BUILDER_SANDBOX_CHILD_PLAN_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "builder/sandbox/bpf_program.h"
#include "builder/sandbox/child.h"
#include "builder/sandbox/root_assembly.h"
#include "builder/sandbox/sandbox.h"
#include "util/result.h"

namespace strake::builder::sandbox {

// Docker's default capabilities: CHOWN, DAC_OVERRIDE, FOWNER, FSETID, KILL,
// SETGID, SETUID, SETPCAP, NET_BIND_SERVICE, NET_RAW, SYS_CHROOT, MKNOD,
// AUDIT_WRITE, SETFCAP.
inline constexpr uint64_t kDefaultCapabilities = 0xa80425fb;

// The paths to try for `program`: itself if it has a "/", else one for each
// folder of PATH in `env` (Docker's default PATH where that has none; an empty
// folder is the working directory).
std::vector<std::string> ProgramCandidates(const std::string& program,
                                           const std::vector<std::string>& env);

// A supervisor that answers some of the program's system calls.
struct Listening {
  std::vector<BpfInstruction> filter;
  int socket = -1;  // borrowed; gets the listener with one byte
  // kFirst: before the program's identity is taken, without no_new_privs, and
  // not at all where the kernel refuses: the program then runs without.
  enum class Installed { kFirst, kLast };
  Installed installed = Installed::kLast;
};

class OwnedChildPlan {
 public:
  // `spec` and `root` are borrowed until the child has started.
  //   channel  the child's end
  //   stdio    what the program gets as 0, 1 and 2
  //   listening  likewise borrowed; null: nobody answers
  static Result<OwnedChildPlan> Make(const ProcessSpec& spec,
                                     const AssembledRoot& root, int channel,
                                     const int (&stdio)[3],
                                     const Listening* listening = nullptr);
  OwnedChildPlan(OwnedChildPlan&&) = default;
  OwnedChildPlan& operator=(OwnedChildPlan&&) = default;

  const ChildPlan& plan() const { return plan_; }
  const std::vector<std::string>& candidates() const { return candidates_; }

 private:
  OwnedChildPlan() = default;

  // Moving a vector leaves its elements where they are, so `plan_` stays good.
  ChildPlan plan_;
  std::vector<int> keep_;
  std::vector<std::string> candidates_;
  std::vector<const char*> candidate_pointers_;
  std::vector<char*> argv_;
  std::vector<char*> envp_;
  std::vector<BpfInstruction> filter_;
};

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_CHILD_PLAN_H_
