// What the transfers of several clients have in common: how much may move a
// second, how many requests a host may be asked at once, and what a host was
// found to refuse.
//
// Thread-safe. Shared by all clients whose options hold it (the builds of one
// command); a client without one has its own, without limits.

#ifndef STRAKE_REGISTRY_TRAFFIC_H_
#define STRAKE_REGISTRY_TRAFFIC_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "util/guarded.h"

namespace strake::registry {

struct HostLimits {
  // Requests at once; 0: any number. Uploads of content count apart from all
  // others, so that a copy within one registry can go on with one of each.
  unsigned max_requests = 0;
  uint64_t bytes_per_second = 0;  // both directions together; 0: any
  // Blobs larger than this are uploaded in several requests of this size; 0:
  // as `ClientOptions::upload_chunk_bytes` has it.
  uint64_t chunk_bytes = 0;
};

struct TrafficLimits {
  // Of all hosts and both directions together; 0: any.
  uint64_t bytes_per_second = 0;
  // By "host[:port]" in lower case, as URLs have it without a default port;
  // Docker Hub's is "registry-1.docker.io".
  std::map<std::string, HostLimits, std::less<>> hosts = {};
};

// Bytes at an even rate: whoever moves some is told how long to wait until they
// fit. Not thread-safe.
class RatePacer {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // bytes_per_second  not 0
  explicit RatePacer(uint64_t bytes_per_second) : rate_(bytes_per_second) {}

  // Counts `bytes` in, and returns the pause before they may move.
  std::chrono::nanoseconds Reserve(uint64_t bytes, Time now);

 private:
  uint64_t rate_;
  Time free_from_{};
};

// What uploads found out about a host.
struct UploadHabits {
  uint64_t largest_request = 0;  // a larger one was refused (413); 0: unknown
  bool refuses_patch = false;    // blobs in one request only
};

class Traffic {
 public:
  // A place among the requests of a host; given back by its destructor.
  class Slot {
   public:
    Slot() = default;
    Slot(Slot&& other) noexcept
        : traffic_(std::exchange(other.traffic_, nullptr)),
          key_(std::move(other.key_)) {}
    Slot& operator=(Slot&&) = delete;
    ~Slot();

   private:
    friend class Traffic;
    Slot(Traffic& traffic, std::string key)
        : traffic_(&traffic), key_(std::move(key)) {}
    Traffic* traffic_ = nullptr;
    std::string key_;
  };

  explicit Traffic(TrafficLimits limits = {});
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  // Waits until `host` may be asked once more; at once when `stop` is
  // requested.
  Slot Enter(std::string_view host, bool uploads, std::stop_token stop);

  // The bytes a second that a transfer with `host` may have; 0: any.
  uint64_t RateFor(std::string_view host) const;
  // Waits until `bytes` more may go to or come from `host`. False as soon as
  // `stop` is requested.
  bool Pace(std::string_view host, uint64_t bytes, std::stop_token stop);

  // The size of requests that uploads to `host` are to begin with, where the
  // limits name one.
  uint64_t ChunkBytesFor(std::string_view host) const;
  UploadHabits HabitsOf(std::string_view host);
  // Adds to what is known.
  void Learn(std::string_view host, const UploadHabits& habits);

 private:
  const HostLimits* Find(std::string_view host) const;

  const TrafficLimits limits_;
  // By host; "": all together.
  Guarded<std::map<std::string, RatePacer, std::less<>>> pacers_;
  Guarded<std::map<std::string, UploadHabits, std::less<>>> habits_;
  std::mutex slots_mutex_;
  std::condition_variable_any slot_free_;
  std::map<std::string, unsigned> slots_taken_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_TRAFFIC_H_
