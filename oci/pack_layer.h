// A layer blob made as layer_blob.h makes it, with every stage on the way
// measured: for those who study how layers are packed. Measuring costs a few
// system calls for every 256 KiB. Safe to call from any thread, but processor
// time is that of the whole process: nothing else should run meanwhile.

#ifndef STRAKE_OCI_PACK_LAYER_H_
#define STRAKE_OCI_PACK_LAYER_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "oci/convert_layer.h"
#include "oci/layer_blob.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

// What is done to the bytes, in this order:
//   tar       made: files read, or a blob decompressed
//   diff ID   SHA-256 of the tar (estargz: a part of "compress")
//   compress  including what else eStargz takes
//   digest    SHA-256 of the blob; for uncompressed layers this is the diff ID,
//             and what is between has nothing to do
//   write     to where the blob goes
struct PackStage {
  std::string_view name;
  // For as long the thread that packs was busy with it, or waited for it.
  std::chrono::nanoseconds wall{0};
  // Processor time, also of other threads.
  std::chrono::nanoseconds cpu{0};
  uint64_t bytes = 0;  // that it has taken, for "tar": given
};

struct PackedLayer {
  LayerBlob layer;
  std::vector<PackStage> stages;
  std::chrono::nanoseconds wall{0};
  std::chrono::nanoseconds cpu{0};
};

// Writes a tar; called once by each `PackLayer`, for estargz on a thread of its
// own.
using TarProducer = std::function<Status(ByteSink& tar)>;

// Writes what `produce` gives to `out`, which is finished, in the form `form`.
// The bytes depend on the tar, the algorithm and its level only. Errors: those
// of `produce` and of `out`, kInvalidArgument (a level that there is not).
Result<PackedLayer> PackLayer(const TarProducer& produce, const LayerForm& form,
                              ByteSink& out);

}  // namespace strake::oci

#endif  // STRAKE_OCI_PACK_LAYER_H_
