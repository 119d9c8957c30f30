// The system calls that are answered, by number, and what answers them.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_HANDLERS_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_HANDLERS_H_

#include <span>
#include <vector>

#include "builder/sandbox/notify/request.h"

namespace strake::builder::sandbox::notify {

using Handler = Answer (*)(Request&);

struct HandledCall {
  int number = 0;
  Handler handler = nullptr;
  // By their arguments the filter says which calls are answered; else all.
  bool some_only = false;
};

// One table for each group of calls; each in a source file of its own
// (handlers_*.cc).
std::span<const HandledCall> OpenCalls();
std::span<const HandledCall> StatCalls();
std::span<const HandledCall> NameCalls();
std::span<const HandledCall> AttributeCalls();
std::span<const HandledCall> XattrCalls();
std::span<const HandledCall> IdCalls();
std::span<const HandledCall> ProcessCalls();
std::span<const HandledCall> SocketCalls();
std::span<const HandledCall> LockCalls();
std::span<const HandledCall> DirectoryCalls();

// Numbers of all calls that are answered whatever their arguments.
std::vector<int> AllHandledCalls();
// Those of them that are to be answered where paths are native.
std::vector<int> CallsWithNativePaths();

// Finds and calls the handler and sends its answer.
void AnswerCall(Emulation& emulation, const Notification& call);

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_HANDLERS_H_
