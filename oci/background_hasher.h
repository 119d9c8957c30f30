// Digests computed beside the thread that has the bytes: with fast compression,
// hashing is a third of what packing a layer costs. For the `.cc` files of this
// room.
//
// Each belongs to one thread, but for what it computes on its own.

#ifndef STRAKE_OCI_BACKGROUND_HASHER_H_
#define STRAKE_OCI_BACKGROUND_HASHER_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "oci/digest.h"
#include "util/byte_stream.h"
#include "util/guarded.h"

namespace strake::oci {

enum class HashThread {
  kCallers,
  kOwn  // which starts where there is more than a buffer; where the system
        // refuses it, the caller hashes
};

// As `Hasher`, for one digest.
class BackgroundHasher {
 public:
  explicit BackgroundHasher(HashThread thread) : where_(thread) {}
  BackgroundHasher(const BackgroundHasher&) = delete;
  BackgroundHasher& operator=(const BackgroundHasher&) = delete;
  ~BackgroundHasher();

  // Copies `data`, and waits where the thread is some buffers behind.
  void Update(std::span<const std::byte> data);
  // Waits for the digest of everything. Call once.
  Digest Finish();
  // Processor time of its own thread; after `Finish`.
  std::chrono::nanoseconds thread_time() const { return thread_time_; }

 private:
  struct Queue {
    std::deque<std::string> full;
    std::vector<std::string> empty;
    size_t buffers = 0;  // that there are, wherever they are
    bool ended = false;
  };
  void Run();
  // Gives `piece_` away, for another buffer.
  void Push();
  void Join();

  HashThread where_;
  Hasher hasher_;  // of the thread, while there is one
  std::string piece_;
  std::chrono::nanoseconds thread_time_{0};
  Guarded<Queue> queue_;
  std::condition_variable changed_;
  std::thread thread_;
};

// As `HashingSink`.
class BackgroundHashingSink final : public ByteSink {
 public:
  BackgroundHashingSink(HashThread thread, ByteSink& next)
      : next_(next), hasher_(thread) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override {
    hasher_.Update(data);
    size_bytes_ += data.size();
    return next_.Write(data);
  }
  uint64_t size_bytes() const { return size_bytes_; }
  // Call once, after the last `Write`.
  Digest digest() { return hasher_.Finish(); }
  std::chrono::nanoseconds thread_time() const { return hasher_.thread_time(); }

 private:
  ByteSink& next_;
  BackgroundHasher hasher_;
  uint64_t size_bytes_ = 0;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_BACKGROUND_HASHER_H_
