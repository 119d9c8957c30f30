// Trees to be packed, each of one kind of files, some 100 MB: made when they
// are asked for first, and kept until the program ends.

#ifndef STRAKE_BENCH_PACKING_TREES_H_
#define STRAKE_BENCH_PACKING_TREES_H_

#include <cstdint>
#include <string_view>
#include <vector>

#include "bench/scratch_directory.h"
#include "oci/change.h"

namespace strake::bench {

enum class TreeKind {
  kSmallFiles,  // 12,000, half of them below 3 KiB: texts, some larger binaries
  kLargeFiles,  // 3 of 32 MiB
  kBinary,      // 96 of 1 MiB, like programs
  kText,        // 768 of 128 KiB
  kSparse,      // 1 of 128 MiB, an eighth of which is there
  kCompressed   // 96 of 1 MiB that do not become smaller
};

std::string_view NameOf(TreeKind kind);

struct PackingTree {
  ScratchDirectory directory;
  std::vector<oci::Change> changes;  // as `oci::WriteLayer` takes them
};

// With `part`, 1 to 32, one that is so many times smaller.
const PackingTree& TreeOf(TreeKind kind, int part = 1);

}  // namespace strake::bench

#endif  // STRAKE_BENCH_PACKING_TREES_H_
