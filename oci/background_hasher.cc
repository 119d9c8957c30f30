// The bytes are copied into buffers which go round between the two threads:
// that takes some 4 % of what hashing them takes.

#include "oci/background_hasher.h"

#include <time.h>

#include <algorithm>
#include <utility>

#include "util/thread.h"

namespace strake::oci {
namespace {

constexpr size_t kBuffers = 6;  // beside the one that is filled

std::chrono::nanoseconds ThreadTime() {
  struct timespec now = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::seconds(now.tv_sec) +
         std::chrono::nanoseconds(now.tv_nsec);
}

}  // namespace

BackgroundHasher::~BackgroundHasher() {
  if (!thread_.joinable()) return;
  queue_.lock()->full.clear();
  Join();
}

void BackgroundHasher::Update(std::span<const std::byte> data) {
  if (where_ == HashThread::kCallers) return hasher_.Update(data);
  piece_.reserve(kStreamBufferBytes);
  std::string_view rest(reinterpret_cast<const char*>(data.data()),
                        data.size());
  while (!rest.empty()) {
    if (piece_.size() == kStreamBufferBytes) {
      Push();
      if (where_ == HashThread::kCallers) return hasher_.Update(rest);
    }
    size_t taken = std::min(rest.size(), kStreamBufferBytes - piece_.size());
    piece_ += rest.substr(0, taken);
    rest.remove_prefix(taken);
  }
}

void BackgroundHasher::Push() {
  if (!thread_.joinable()) {
    auto thread = StartThread([this] { Run(); });
    if (!thread) {
      where_ = HashThread::kCallers;
      return hasher_.Update(std::string_view(std::exchange(piece_, {})));
    }
    thread_ = *std::move(thread);
  }
  auto queue = queue_.lock();
  queue->full.push_back(std::move(piece_));
  changed_.notify_one();
  if (queue->buffers < kBuffers) {
    ++queue->buffers;
    piece_ = std::string();
    piece_.reserve(kStreamBufferBytes);
    return;
  }
  queue.Wait(changed_, [](const Queue& q) { return !q.empty.empty(); });
  piece_ = std::move(queue->empty.back());
  queue->empty.pop_back();
}

void BackgroundHasher::Run() {
  std::string piece;
  while (true) {
    {
      auto queue = queue_.lock();
      if (!piece.empty()) {
        piece.clear();
        queue->empty.push_back(std::move(piece));
        changed_.notify_one();
      }
      queue.Wait(changed_,
                 [](const Queue& q) { return q.ended || !q.full.empty(); });
      if (queue->full.empty()) break;
      piece = std::move(queue->full.front());
      queue->full.pop_front();
    }
    hasher_.Update(std::string_view(piece));
  }
  thread_time_ = ThreadTime();
}

void BackgroundHasher::Join() {
  queue_.lock()->ended = true;
  changed_.notify_one();
  thread_.join();
}

Digest BackgroundHasher::Finish() {
  if (thread_.joinable()) {
    if (!piece_.empty()) queue_.lock()->full.push_back(std::move(piece_));
    Join();
  } else {
    hasher_.Update(std::string_view(piece_));
  }
  return hasher_.Finish();
}

}  // namespace strake::oci
