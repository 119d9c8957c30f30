// What each stage of packing a layer costs when nothing but its work is done,
// by the libraries and system calls themselves: the floor of the pipeline.

#ifndef STRAKE_BENCH_STAGE_FLOORS_H_
#define STRAKE_BENCH_STAGE_FLOORS_H_

#include <memory>
#include <span>
#include <string>

#include "oci/change.h"
#include "oci/compressor.h"

namespace strake::bench {

// Processor seconds for the whole of the input.
struct StageSeconds {
  double read = 0;      // files opened, read and closed, holes left out
  double diff_id = 0;   // SHA-256 of the tar
  double compress = 0;  // by the library that strake uses; gzip: with CRC
  double digest = 0;    // SHA-256 of the blob; uncompressed: it is the diff ID
  double write = 0;     // the blob, to a new file in `directory`

  double Sum() const { return read + diff_id + compress + digest + write; }
  // The fastest that `threads` can be: all busy from the first byte to the
  // last, where only compressing can be shared between threads.
  double Ceiling(int threads) const;
  // The lesser of each stage.
  void Improve(const StageSeconds& other);
};

class StageFloors {
 public:
  // `root` and `directory` are borrowed; `tar` is that of `changes`.
  StageFloors(std::span<const oci::Change> changes, int root, std::string tar,
              const oci::CompressionOptions& compression, int directory);
  ~StageFloors();

  // Measures all stages once.
  StageSeconds Measure();
  double ratio() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace strake::bench

#endif  // STRAKE_BENCH_STAGE_FLOORS_H_
