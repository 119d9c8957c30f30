#include "oci/block_pipeline.h"

#include <algorithm>

#include "oci/compressor.h"
#include "util/result_macros.h"
#include "util/thread.h"

namespace strake::oci {
namespace {

// However small they are.
constexpr size_t kBlocksPerThread = 16;
constexpr size_t kKeptBytes = size_t{2} << 20;

}  // namespace

int WorkerCount(int threads) {
  if (threads != kThreadPerProcessor) return threads;
  return static_cast<int>(std::thread::hardware_concurrency());
}

BlockPipeline::BlockPipeline(int threads, size_t bytes_per_thread,
                             const MakeCompressor& make, Emit emit)
    : threads_(threads),
      bytes_per_thread_(bytes_per_thread),
      make_(make),
      emit_(std::move(emit)) {}

BlockPipeline::~BlockPipeline() {
  queue_.lock()->closed = true;
  work_added_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void BlockPipeline::StartWorkers() {
  for (size_t i = 0; i < static_cast<size_t>(threads_); ++i) {
    if (compressors_.size() <= i) compressors_.push_back(make_());
    BlockCompressor* compressor = compressors_[i].get();
    auto worker = StartThread([this, compressor] { Work(*compressor); });
    // One that the system refuses is not needed.
    if (!worker) break;
    workers_.push_back(*std::move(worker));
  }
}

Status BlockPipeline::CompressHere() {
  if (compressors_.empty()) compressors_.push_back(make_());
  while (!in_order_.empty()) {
    compressors_[0]->Compress(in_order_.front()->block);
    in_order_.front()->done = true;
    RETURN_IF_ERROR(EmitOldest());
  }
  return {};
}

void BlockPipeline::Work(BlockCompressor& compressor) {
  while (true) {
    Slot* slot = nullptr;
    {
      auto queue = queue_.lock();
      queue.Wait(work_added_,
                 [](const Queue& q) { return q.closed || !q.waiting.empty(); });
      // Closed early means that nobody wants the rest.
      if (queue->closed) return;
      slot = queue->waiting.front();
      queue->waiting.pop_front();
    }
    compressor.Compress(slot->block);
    {
      auto queue = queue_.lock();
      slot->done = true;
    }
    work_done_.notify_one();
  }
}

Status BlockPipeline::Push(std::string& input) {
  std::unique_ptr<Slot> slot;
  if (spare_.empty()) {
    slot = std::make_unique<Slot>();
  } else {
    slot = std::move(spare_.back());
    spare_.pop_back();
  }
  slot->done = false;
  slot->block.input.swap(input);
  input.clear();
  bytes_in_order_ += slot->block.input.size();
  in_order_.push_back(std::move(slot));
  if (threads_ == 0) return CompressHere();
  if (workers_.empty()) {
    // Not for a single block.
    if (in_order_.size() == 1) return {};
    StartWorkers();
    if (workers_.empty()) return CompressHere();
    queue_.lock()->waiting.push_back(in_order_.front().get());
    work_added_.notify_one();
  }
  queue_.lock()->waiting.push_back(in_order_.back().get());
  work_added_.notify_one();
  while (IsFull() || OldestIsDone()) RETURN_IF_ERROR(EmitOldest());
  return {};
}

bool BlockPipeline::IsFull() const {
  return in_order_.size() > kBlocksPerThread * workers_.size() ||
         (bytes_in_order_ > bytes_per_thread_ * workers_.size() &&
          in_order_.size() > 1);
}

Status BlockPipeline::Drain() {
  if (workers_.empty()) return CompressHere();
  while (!in_order_.empty()) RETURN_IF_ERROR(EmitOldest());
  return {};
}

bool BlockPipeline::OldestIsDone() {
  if (in_order_.empty()) return false;
  auto queue = queue_.lock();
  return in_order_.front()->done;
}

Status BlockPipeline::EmitOldest() {
  Slot& oldest = *in_order_.front();
  {
    auto queue = queue_.lock();
    queue.Wait(work_done_, [&](const Queue&) { return oldest.done; });
  }
  Status status = oldest.block.status;
  if (status) status = emit_(oldest.block);
  bytes_in_order_ -= oldest.block.input.size();
  // Among many small blocks, a few large ones must not make all large.
  if (oldest.block.input.capacity() <= kKeptBytes) {
    spare_.push_back(std::move(in_order_.front()));
  }
  in_order_.pop_front();
  return status;
}

}  // namespace strake::oci
