// Compresses blocks, on worker threads or not, and hands the results
// back in the order of their input: what comes out does not depend on how many
// threads there are. For the `.cc` files of this room.
//
// Belongs to one thread; only the workers' `BlockCompressor`s run elsewhere.

#ifndef STRAKE_OCI_BLOCK_PIPELINE_H_
#define STRAKE_OCI_BLOCK_PIPELINE_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "util/guarded.h"
#include "util/result.h"

namespace strake::oci {

// What `CompressionOptions::threads` means on this machine.
int WorkerCount(int threads);

struct Block {
  std::string input;
  std::string_view output;  // in `buffer`
  std::string buffer;       // reused: it only grows
  uint32_t crc32 = 0;       // of the input
  Status status;
};

// What one thread needs to compress blocks; never shared.
class BlockCompressor {
 public:
  virtual ~BlockCompressor() = default;
  // Sets `output`, `crc32` and `status` from `input`.
  virtual void Compress(Block& block) = 0;
};

class BlockPipeline {
 public:
  using MakeCompressor = std::function<std::unique_ptr<BlockCompressor>()>;
  using Emit = std::function<Status(const Block&)>;

  // `make` is called by the calling thread, once for each of the `threads`
  // workers, or once for the calling thread where that compresses: where there
  // are to be none, or there is a single block. `emit` is called by the calling
  // thread within `Push` and `Drain`, once a block, in order.
  // Blocks are taken until `bytes_per_thread` for each of them wait; memory is
  // some two times that.
  BlockPipeline(int threads, size_t bytes_per_thread,
                const MakeCompressor& make, Emit emit);
  BlockPipeline(const BlockPipeline&) = delete;
  BlockPipeline& operator=(const BlockPipeline&) = delete;
  ~BlockPipeline();

  // Takes the bytes of `input`, a block of any size, and leaves it empty (with
  // memory to reuse). Waits where too many blocks are under way. The first
  // error of a compressor or of `emit`; nothing may be pushed after one.
  Status Push(std::string& input);
  // Waits for and emits all that was pushed.
  Status Drain();

 private:
  struct Slot {
    Block block;
    bool done = false;  // guarded by `queue_`'s lock
  };
  struct Queue {
    std::deque<Slot*> waiting;
    bool closed = false;
  };
  void StartWorkers();
  void Work(BlockCompressor& compressor);
  // Compresses and emits what there is.
  Status CompressHere();
  // Emits the oldest block, waiting for it.
  Status EmitOldest();
  bool OldestIsDone();
  bool IsFull() const;

  const int threads_;
  const size_t bytes_per_thread_;
  const MakeCompressor make_;
  Emit emit_;
  std::deque<std::unique_ptr<Slot>> in_order_;  // not yet emitted
  size_t bytes_in_order_ = 0;                   // of input
  std::vector<std::unique_ptr<Slot>> spare_;
  std::vector<std::unique_ptr<BlockCompressor>> compressors_;
  Guarded<Queue> queue_;
  std::condition_variable work_added_;
  std::condition_variable work_done_;
  std::vector<std::thread> workers_;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_BLOCK_PIPELINE_H_
