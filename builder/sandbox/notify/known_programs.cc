#include "builder/sandbox/notify/known_programs.h"

#include <chrono>

namespace strake::builder::sandbox::notify {
namespace {

constexpr size_t kMost = 4096;
// Times of change are as coarse as the kernel's tick.
constexpr std::chrono::milliseconds kSettled{100};

int64_t ChangedNs(const struct stat& file) {
  return int64_t{file.st_ctim.tv_sec} * 1000000000 + file.st_ctim.tv_nsec;
}

}  // namespace

std::optional<std::string> KnownPrograms::Find(const struct stat& file) {
  auto entries = entries_.lock();
  auto found = entries->find(KeyOf(file));
  if (found == entries->end() || found->second.changed_ns != ChangedNs(file) ||
      found->second.size_bytes != file.st_size) {
    return std::nullopt;
  }
  return found->second.interpreter;
}

void KnownPrograms::Remember(const struct stat& file,
                             const std::string& interpreter) {
  const int64_t now = std::chrono::duration_cast<std::chrono::nanoseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  const std::chrono::nanoseconds age(now - ChangedNs(file));
  if (age < kSettled) return;
  auto entries = entries_.lock();
  if (entries->size() >= kMost) entries->clear();
  (*entries)[KeyOf(file)] = {.changed_ns = ChangedNs(file),
                             .size_bytes = file.st_size,
                             .interpreter = interpreter};
}

}  // namespace strake::builder::sandbox::notify
