#include "builder/sandbox/notify/handlers.h"

#include <sys/syscall.h>

#include <array>
#include <cerrno>

namespace strake::builder::sandbox::notify {
namespace {

constexpr size_t kMostCalls = 512;

std::vector<HandledCall> AllCalls() {
  std::vector<HandledCall> all;
  for (std::span<const HandledCall> group :
       {OpenCalls(), StatCalls(), NameCalls(), AttributeCalls(), XattrCalls(),
        IdCalls(), ProcessCalls(), SocketCalls(), LockCalls(),
        DirectoryCalls()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

Handler FindHandler(int number) {
  static const std::array<Handler, kMostCalls> table = [] {
    std::array<Handler, kMostCalls> made = {};
    for (const HandledCall& call : AllCalls()) {
      made[static_cast<size_t>(call.number)] = call.handler;
    }
    return made;
  }();
  const auto index = static_cast<size_t>(number);
  return index < table.size() ? table[index] : nullptr;
}

}  // namespace

std::vector<int> AllHandledCalls() {
  std::vector<int> numbers;
  for (const HandledCall& call : AllCalls()) {
    if (!call.some_only) numbers.push_back(call.number);
  }
  return numbers;
}

std::vector<int> CallsWithNativePaths() {
  std::vector<int> numbers = AllHandledCalls();
  // The first process sends its listener by sendmsg(2), when nobody answers.
  std::erase_if(numbers, [](int number) {
    return number == SYS_getcwd || number == SYS_getsockname ||
           number == SYS_statfs || number == SYS_sendmsg ||
           number == SYS_sendmmsg;
  });
  return numbers;
}

void AnswerCall(Emulation& emulation, const Notification& call) {
  Request request(emulation, call);
  const Handler handler = FindHandler(call.number);
  const Answer answer = handler == nullptr ? Answer(-ENOSYS) : handler(request);
  if (answer.is_given()) return;
  // A caller that was killed meanwhile needs no answer.
  if (answer.is_continue()) {
    emulation.transport->Continue(call);
  } else {
    emulation.transport->Send(call, answer.value());
  }
}

}  // namespace strake::builder::sandbox::notify
