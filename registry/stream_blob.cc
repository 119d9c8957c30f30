#include "registry/stream_blob.h"

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstring>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "util/result_macros.h"

namespace strake::registry {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

// Between one thread that writes and one that reads.
class Pipe final : public ByteSink {
 public:
  using ByteSink::Write;
  // Waits until there is room; `kCancelled` once nobody reads any more.
  Status Write(std::span<const std::byte> data) override {
    while (!data.empty()) {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] { return closed_ || Size() < kBufferBytes; });
      if (closed_) return Cancelled("nobody reads any more");
      size_t count = std::min(data.size(), kBufferBytes - Size());
      buffer_.insert(buffer_.end(), data.begin(), data.begin() + count);
      data = data.subspan(count);
      changed_.notify_all();
    }
    return {};
  }

  void End(Status status) {
    std::lock_guard lock(mutex_);
    ended_ = std::move(status);
    changed_.notify_all();
  }

  void Close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }

  Result<size_t> Read(std::span<std::byte> buffer) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || Size() > 0; });
    // The last bytes are handed out only when all are known to be right.
    if (ended_ && !*ended_) return ended_->error();
    if (!ended_ && Size() < kBufferBytes / 2) {
      changed_.wait(lock, [&] { return ended_ || Size() >= kBufferBytes / 2; });
      if (ended_ && !*ended_) return ended_->error();
    }
    size_t count = std::min(buffer.size(), Size());
    if (count > 0) std::memcpy(buffer.data(), buffer_.data() + read_, count);
    read_ += count;
    // Moved in large steps only, however little is read at a time.
    if (read_ == buffer_.size() || read_ >= kBufferBytes) {
      buffer_.erase(buffer_.begin(),
                    buffer_.begin() + static_cast<ptrdiff_t>(read_));
      read_ = 0;
    }
    changed_.notify_all();
    return count;
  }

 private:
  size_t Size() const { return buffer_.size() - read_; }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::byte> buffer_;
  size_t read_ = 0;  // bytes at its start that were handed out
  std::optional<Status> ended_;
  bool closed_ = false;
};

class StreamedBlob final : public ByteSource {
 public:
  StreamedBlob(const Client& client, oci::Reference repository,
               oci::Descriptor blob, std::stop_token stop)
      : repository_(std::move(repository)),
        blob_(std::move(blob)),
        forward_stop_(std::move(stop), [this] { stop_.request_stop(); }),
        download_([this, &client] {
          pipe_.End(client.FetchBlob(repository_, blob_, pipe_, {},
                                     stop_.get_token()));
        }) {}
  ~StreamedBlob() override {
    stop_.request_stop();
    pipe_.Close();
  }
  StreamedBlob(const StreamedBlob&) = delete;
  StreamedBlob& operator=(const StreamedBlob&) = delete;

  Result<size_t> Read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return size_t{0};
    return pipe_.Read(buffer);
  }

 private:
  const oci::Reference repository_;
  const oci::Descriptor blob_;
  Pipe pipe_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_stop_;
  std::jthread download_;  // last: it uses all others
};

// Leaves out the first bytes.
class SkippingSource final : public ByteSource {
 public:
  SkippingSource(std::unique_ptr<ByteSource> source, uint64_t skip_bytes)
      : source_(std::move(source)), skip_bytes_(skip_bytes) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    while (skip_bytes_ > 0 && !buffer.empty()) {
      ASSIGN_OR_RETURN(size_t n, source_->Read(buffer.first(std::min<uint64_t>(
                                     skip_bytes_, buffer.size()))));
      if (n == 0) return n;
      skip_bytes_ -= n;
    }
    return source_->Read(buffer);
  }

 private:
  std::unique_ptr<ByteSource> source_;
  uint64_t skip_bytes_;
};

}  // namespace

std::unique_ptr<ByteSource> StreamBlob(const Client& client,
                                       const oci::Reference& repository,
                                       const oci::Descriptor& blob,
                                       uint64_t offset_bytes,
                                       std::stop_token stop) {
  return std::make_unique<SkippingSource>(
      std::make_unique<StreamedBlob>(client, repository, blob, std::move(stop)),
      offset_bytes);
}

}  // namespace strake::registry
