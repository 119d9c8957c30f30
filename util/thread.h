// Threads where the system may refuse one (a container's pids limit).

#ifndef STRAKE_UTIL_THREAD_H_
#define STRAKE_UTIL_THREAD_H_

#include <system_error>
#include <thread>
#include <utility>

#include "util/result.h"

namespace strake {

// A thread that runs `work`, which the caller has to join. `kIo` where the
// system has no thread for us.
template <typename Work>
Result<std::thread> StartThread(Work&& work) {
  try {
    return std::thread(std::forward<Work>(work));
  } catch (const std::system_error& error) {
    return IoError(std::string("start a thread: ") + error.what());
  }
}

// Runs `work` in a thread of its own, to its end: what it changes of the thread
// (its namespaces, its current directory) ends with it.
template <typename Work>
Status RunInThread(Work&& work) {
  auto thread = StartThread(std::forward<Work>(work));
  if (!thread) return std::move(thread).error();
  thread->join();
  return {};
}

}  // namespace strake

#endif  // STRAKE_UTIL_THREAD_H_
