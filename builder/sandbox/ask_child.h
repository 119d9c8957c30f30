// What can only be tried in a process of its own.

#ifndef STRAKE_BUILDER_SANDBOX_ASK_CHILD_H_
#define STRAKE_BUILDER_SANDBOX_ASK_CHILD_H_

#include <functional>
#include <string>

#include "util/result.h"

namespace strake::builder::sandbox {

// Forks, calls `answer` in the child, and returns what that returned, which is
// at most 64 KiB long and not empty. `kUnsupported` where the child was killed
// before it had answered; other errors say that nothing could be tried.
// `answer` may not throw, and runs in a process with one thread.
Result<std::string> AskChild(const std::function<std::string()>& answer);

}  // namespace strake::builder::sandbox

#endif  // STRAKE_BUILDER_SANDBOX_ASK_CHILD_H_
