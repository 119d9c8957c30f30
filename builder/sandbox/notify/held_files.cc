#include "builder/sandbox/notify/held_files.h"

#include <unistd.h>

#include <algorithm>
#include <string>

namespace strake::builder::sandbox::notify {
namespace {

constexpr size_t kManyAtLeast = 64;

bool HasEnded(pid_t thread) {
  return access(("/proc/" + std::to_string(thread)).c_str(), F_OK) != 0;
}

}  // namespace

uint64_t HeldFiles::Hold(pid_t thread, UniqueFd fd) {
  auto state = state_.lock();
  if (state->threads.size() >= state->many) {
    std::erase_if(state->threads,
                  [](const auto& entry) { return HasEnded(entry.first); });
    state->many = std::max(kManyAtLeast, 2 * state->threads.size());
  }
  Files& files = state->threads[thread];
  const size_t at = files.next;
  files.next = 1 - at;
  files.last[at] = std::move(fd);
  return 2 * static_cast<uint64_t>(thread) + at;
}

}  // namespace strake::builder::sandbox::notify
