#include "registry/parallel_transfers.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "util/guarded.h"

namespace strake::registry {

Status RunTransfers(
    size_t count, unsigned jobs, std::stop_token stop,
    const std::function<Status(size_t i, std::stop_token)>& transfer) {
  std::stop_source stop_others;
  std::stop_callback on_stop(stop, [&] { stop_others.request_stop(); });
  std::atomic<size_t> next{0};
  Guarded<std::optional<Error>> first_error;

  auto work = [&] {
    while (!stop_others.stop_requested()) {
      size_t i = next++;
      if (i >= count) return;
      Status status = transfer(i, stop_others.get_token());
      if (status) continue;
      auto error = first_error.lock();
      // What fails after this one was only asked to stop.
      if (!*error) *error = std::move(status).error();
      stop_others.request_stop();
    }
  };
  size_t threads = std::min<size_t>(std::max(jobs, 1u), count);
  if (threads <= 1) {
    work();
  } else {
    std::vector<std::jthread> workers;
    // With fewer threads where the system has no more; this one works, too.
    for (size_t i = 1; i < threads; ++i) {
      try {
        workers.emplace_back(work);
      } catch (const std::system_error&) {
        break;
      }
    }
    work();
  }
  auto error = first_error.lock();
  if (*error) return std::move(**error);
  if (stop.stop_requested()) return Cancelled("stopped");
  return {};
}

}  // namespace strake::registry
