#include "registry/stall_watch.h"

namespace strake::registry {
namespace {

std::string InSeconds(std::chrono::milliseconds duration) {
  return std::to_string(
             std::chrono::ceil<std::chrono::seconds>(duration).count()) +
         " s";
}

}  // namespace

std::string StallWatch::Check(Time now, uint64_t moved_bytes,
                              bool awaiting_answer) {
  if (moved_bytes != moved_bytes_) {
    moved_bytes_ = moved_bytes;
    moved_at_ = now;
  }
  if (awaiting_answer) {
    window_start_ = now;
    window_bytes_ = moved_bytes;
    if (now - moved_at_ < limits_.answer) return "";
    return "no answer for " + InSeconds(limits_.answer);
  }
  if (now - moved_at_ >= limits_.idle) {
    return "no byte moved for " + InSeconds(limits_.idle);
  }
  if (now - window_start_ < limits_.low_speed_time) return "";
  uint64_t in_window = moved_bytes - window_bytes_;
  uint64_t expected = limits_.low_speed_bytes *
                      static_cast<uint64_t>(limits_.low_speed_time.count()) /
                      1000;
  // A window without any byte is the idle limit's to judge.
  if (in_window > 0 && in_window < expected) {
    return "only " + std::to_string(in_window) + " bytes moved in " +
           InSeconds(limits_.low_speed_time);
  }
  window_start_ = now;
  window_bytes_ = moved_bytes;
  return "";
}

}  // namespace strake::registry
