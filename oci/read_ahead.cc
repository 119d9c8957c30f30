#include "oci/read_ahead.h"

#include <algorithm>
#include <utility>

namespace strake::oci {
namespace {

constexpr size_t kPieces = 8;

}  // namespace

ReadAheadSource::ReadAheadSource(ByteSource& next) {
  {
    auto queue = queue_.lock();
    for (size_t i = 0; i < kPieces; ++i) {
      queue->empty.emplace_back();
      queue->empty.back().bytes.resize(kStreamBufferBytes);
    }
  }
  try {
    thread_ = std::jthread([this, &next] { Run(next); });
  } catch (const std::system_error& error) {
    queue_.lock()->ended =
        IoError(std::string("start a thread: ") + error.what());
  }
}

ReadAheadSource::~ReadAheadSource() {
  queue_.lock()->closed = true;
  changed_.notify_all();
}

void ReadAheadSource::Run(ByteSource& next) {
  while (true) {
    Piece piece;
    {
      auto queue = queue_.lock();
      queue.Wait(changed_,
                 [](const Queue& q) { return q.closed || !q.empty.empty(); });
      if (queue->closed) return;
      piece = std::move(queue->empty.back());
      queue->empty.pop_back();
    }
    auto size = next.Read(piece.bytes);
    {
      auto queue = queue_.lock();
      if (!size) {
        queue->ended = std::move(size).error();
      } else if (*size == 0) {
        queue->ended = Status();
      } else {
        piece.size = *size;
        queue->full.push_back(std::move(piece));
      }
      if (queue->ended) {
        changed_.notify_all();
        return;
      }
    }
    changed_.notify_all();
  }
}

Result<size_t> ReadAheadSource::Read(std::span<std::byte> buffer) {
  if (current_read_ == current_.size) {
    {
      auto queue = queue_.lock();
      if (!current_.bytes.empty()) {
        queue->empty.push_back(std::exchange(current_, Piece()));
      }
      current_.size = current_read_ = 0;
      changed_.notify_all();
      queue.Wait(changed_,
                 [](const Queue& q) { return q.ended || !q.full.empty(); });
      if (queue->full.empty()) {
        if (!*queue->ended) return queue->ended->error();
        return size_t{0};
      }
      current_ = std::move(queue->full.front());
      queue->full.pop_front();
    }
  }
  size_t count = std::min(buffer.size(), current_.size - current_read_);
  std::copy_n(current_.bytes.begin() + static_cast<ptrdiff_t>(current_read_),
              count, buffer.begin());
  current_read_ += count;
  return count;
}

}  // namespace strake::oci
