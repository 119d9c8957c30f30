// Whether an exchange still moves. There is no limit to how long one may take:
// a large blob on a slow line ends some day. What moves nothing, or next to
// nothing, for too long is given up.
//
// Time that our own side takes (a full disk queue, a slow reader, a limit of
// the rate) is no silence of the other side: it is left out.

#ifndef STRAKE_REGISTRY_STALL_WATCH_H_
#define STRAKE_REGISTRY_STALL_WATCH_H_

#include <chrono>
#include <cstdint>
#include <string>

namespace strake::registry {

struct StallLimits {
  // No byte in either direction for so long.
  std::chrono::milliseconds idle{120'000};
  // Fewer bytes a second than this, over `low_speed_time`, while a body moves.
  uint64_t low_speed_bytes = 256;
  std::chrono::milliseconds low_speed_time{120'000};
  // From the last byte of an upload to the answer: the registry puts a large
  // blob together, and says nothing meanwhile.
  std::chrono::milliseconds answer{300'000};
};

// Not thread-safe. Times are of one steady clock.
class StallWatch {
 public:
  using Time = std::chrono::steady_clock::time_point;

  StallWatch(const StallLimits& limits, Time start)
      : limits_(limits), moved_at_(start), window_start_(start) {}

  // Our own side has just taken so long.
  void Exclude(std::chrono::steady_clock::duration held) {
    moved_at_ += held;
    window_start_ += held;
  }

  // Why to give up at `now`, or "".
  //   moved_bytes      so far, both directions together
  //   awaiting_answer  everything is sent, and nothing came back yet
  std::string Check(Time now, uint64_t moved_bytes, bool awaiting_answer);

 private:
  StallLimits limits_;
  Time moved_at_;
  uint64_t moved_bytes_ = 0;
  Time window_start_;
  uint64_t window_bytes_ = 0;  // moved before the window began
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_STALL_WATCH_H_
