// How system calls reach the supervisor and how their answers get back, behind
// one interface: handlers do not know which way it is.
//
//   Listener (listener.h)  seccomp user notification
//   Tracer (tracer.h)      ptrace, where a listener cannot be had

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_TRANSPORT_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_TRANSPORT_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/sandbox/notify/label.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

enum class CallTransport {
  kListener,
  kTracer,       // stops at the calls that a filter picks
  kEagerTracer,  // stops at all; for where another's listener is asked first
};

// A system call that waits for its answer.
struct Notification {
  uint64_t id = 0;
  pid_t thread = 0;
  int number = 0;
  uint64_t arguments[6] = {};
};

// What a caller is to call instead; see rewrite.h.
struct RewrittenCall {
  int number = 0;
  // Which arguments change: index and value; `kSlot` stands for the address of
  // `data` in the arena.
  struct Argument {
    int index = 0;
    uint64_t value = 0;
  };
  static constexpr uint64_t kSlot = ~uint64_t{0} - 1;
  std::vector<Argument> arguments;
  // Bytes for the arena, at most `kSlotSize`.
  std::string data;
  // Where in `data` the address of a place in `data` belongs.
  struct Pointer {
    size_t at = 0;
    size_t to = 0;
  };
  std::optional<Pointer> pointer = std::nullopt;
  // For a call that may block: where the data stays (held_files.h).
  std::optional<uint64_t> held_slot = std::nullopt;
};

// `call` is one that waits. All functions but those of labels return 0, a
// descriptor or a negative errno: -ENOENT if the caller is gone.
class Transport {
 public:
  virtual ~Transport() = default;

  // Answers with a value or a negative errno.
  virtual int Send(const Notification& call, int64_t answer) = 0;
  // Lets the kernel execute the call as it stands.
  virtual int Continue(const Notification& call) = 0;
  // Answers with a new descriptor for the open file `fd`, which the caller may
  // share with us or have opened anew, and closes `fd`: before the caller goes
  // on, or (`kSoon`, which is quicker) perhaps a moment after. Where that
  // fails, the call still waits.
  enum class Close { kBefore, kSoon };
  virtual int SendDescriptor(const Notification& call, UniqueFd fd,
                             bool close_on_exec, Close close) = 0;
  // Gives the caller a descriptor (O_CLOEXEC) without answering; its number.
  virtual int AddDescriptor(const Notification& call, int fd) = 0;

  // As the functions of these names in rewrite.h.
  using Afterwards = std::function<void(int64_t& result)>;
  virtual int CallInTracee(const Notification& call,
                           const RewrittenCall& instead, int64_t& result,
                           const Afterwards& afterwards) = 0;
  virtual int SendToCall(const Notification& call,
                         const RewrittenCall& instead) = 0;

  // The label of the process that `thread` belongs to (label.h); nothing where
  // the process is gone or not one of ours.
  virtual std::optional<Label> LabelOf(pid_t thread) = 0;
  virtual void SetLabel(pid_t thread, const Label& label) = 0;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_TRANSPORT_H_
