#include "builder/cache/file_hasher.h"

#include <sys/stat.h>

#include <condition_variable>
#include <deque>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include "util/byte_stream.h"
#include "util/guarded.h"
#include "util/result_macros.h"
#include "util/thread.h"

namespace strake::builder::cache {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;
// Waking a thread takes as long as hashing some files of a few kilobytes.
constexpr size_t kWorthAThread = 4;
constexpr uint64_t kWorthAThreadBytes = uint64_t{1} << 18;

bool IsUnchanged(const context::SourceFile& file, int fd) {
  struct stat now;
  return ::fstat(fd, &now) == 0 && context::IsUnchanged(file, now);
}

}  // namespace

class FileHasher::Job {
 public:
  Job(UniqueFd content, const context::SourceFile& file, std::string path)
      : content_(std::move(content)), file_(file), path_(std::move(path)) {}

  uint64_t size_bytes() const { return file_.size_bytes; }

  Result<oci::Digest> Run(const FileHasherOptions& options,
                          std::vector<std::byte>& buffer) {
    FdSource content(content_.get());
    oci::Hasher hasher;
    while (true) {
      if (options.stop.stop_requested()) {
        return Cancelled("reading /" + path_ + " was cancelled");
      }
      auto count = content.Read(buffer);
      if (!count) return std::move(count).error().Wrap("read /" + path_);
      if (*count == 0) break;
      hasher.Update(std::span(buffer).first(*count));
      if (options.on_bytes) options.on_bytes(*count);
    }
    oci::Digest digest = hasher.Finish();
    if (options.stat_cache != nullptr && IsUnchanged(file_, content_.get())) {
      options.stat_cache->Remember(file_, digest);
    }
    content_.reset();
    return digest;
  }

  // Guarded by the hasher's lock.
  std::optional<Result<oci::Digest>> result;

 private:
  UniqueFd content_;
  const context::SourceFile file_;
  const std::string path_;
};

struct FileHasher::Impl {
  struct State {
    std::deque<Ticket> queue;
    uint64_t queued_bytes = 0;
    bool ended = false;
  };

  explicit Impl(FileHasherOptions given)
      : options(std::move(given)), buffer(kBufferBytes) {}

  ~Impl() {
    state.lock()->ended = true;
    more.notify_all();
    for (std::thread& thread : threads) thread.join();
  }

  // The next file, which is then the caller's to read; nothing where none is
  // left.
  static Ticket Take(State& state) {
    if (state.queue.empty()) return nullptr;
    Ticket job = std::move(state.queue.front());
    state.queue.pop_front();
    state.queued_bytes -= job->size_bytes();
    return job;
  }

  void Work(Job& job, std::vector<std::byte>& space) {
    auto result = job.Run(options, space);
    auto locked = state.lock();
    job.result = std::move(result);
    done.notify_all();
  }

  void Loop() {
    std::vector<std::byte> space(kBufferBytes);
    while (true) {
      Ticket job;
      {
        auto locked = state.lock();
        locked.Wait(more,
                    [](State& now) { return now.ended || !now.queue.empty(); });
        if (locked->ended) return;
        job = Take(*locked);
      }
      Work(*job, space);
    }
  }

  void AddThread() {
    if (threads.size() >= options.threads) return;
    auto thread = StartThread([this] { Loop(); });
    if (thread) {
      threads.push_back(*std::move(thread));
    } else {
      options.threads = static_cast<unsigned>(threads.size());
    }
  }

  FileHasherOptions options;
  std::vector<std::byte> buffer;  // of the caller's thread
  Guarded<State> state;
  std::condition_variable more;
  std::condition_variable done;
  std::vector<std::thread> threads;
};

FileHasher::FileHasher(FileHasherOptions options)
    : impl_(std::make_unique<Impl>(std::move(options))) {}

FileHasher::~FileHasher() = default;

FileHasher::Ticket FileHasher::Start(UniqueFd content,
                                     const context::SourceFile& file,
                                     std::string path) {
  auto job = std::make_shared<Job>(std::move(content), file, std::move(path));
  bool is_much = false;
  {
    auto locked = impl_->state.lock();
    locked->queue.push_back(job);
    locked->queued_bytes += file.size_bytes;
    is_much = locked->queue.size() >= kWorthAThread ||
              locked->queued_bytes >= kWorthAThreadBytes;
  }
  if (is_much) {
    impl_->AddThread();
    impl_->more.notify_one();
  }
  return job;
}

Result<oci::Digest> FileHasher::Finish(const Ticket& ticket) {
  while (true) {
    Ticket job;
    {
      auto locked = impl_->state.lock();
      if (ticket->result) return *std::move(ticket->result);
      job = Impl::Take(*locked);
      if (job == nullptr) {
        locked.Wait(impl_->done,
                    [&](Impl::State&) { return ticket->result.has_value(); });
        return *std::move(ticket->result);
      }
    }
    impl_->Work(*job, impl_->buffer);
  }
}

}  // namespace strake::builder::cache
