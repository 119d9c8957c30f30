// Reads a source on a thread of its own, some buffers ahead of its reader, so
// that decompressing a layer and making its files overlap. For the `.cc` files
// of this room.

#ifndef STRAKE_OCI_READ_AHEAD_H_
#define STRAKE_OCI_READ_AHEAD_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "util/byte_stream.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::oci {

class ReadAheadSource final : public ByteSource {
 public:
  // `next` is borrowed and belongs to the thread until the end or an error was
  // read from here, or until this is destroyed.
  explicit ReadAheadSource(ByteSource& next);
  ~ReadAheadSource() override;

  Result<size_t> Read(std::span<std::byte> buffer) override;

 private:
  struct Piece {
    std::vector<std::byte> bytes;
    size_t size = 0;
  };
  struct Queue {
    std::deque<Piece> full;
    std::vector<Piece> empty;
    std::optional<Status> ended;  // set after the last piece
    bool closed = false;          // nobody will read any more
  };
  void Run(ByteSource& next);

  Guarded<Queue> queue_;
  std::condition_variable changed_;
  Piece current_;
  size_t current_read_ = 0;
  std::jthread thread_;  // last: it uses all of the above
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_READ_AHEAD_H_
