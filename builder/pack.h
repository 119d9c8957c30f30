// Layers packed in one form or in many, and measured: what `strake pack` does.

#ifndef STRAKE_BUILDER_PACK_H_
#define STRAKE_BUILDER_PACK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "builder/pack_source.h"
#include "oci/convert_layer.h"
#include "oci/pack_layer.h"
#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::builder {

struct PackResult {
  oci::LayerForm form;
  oci::PackedLayer packed;  // by the run whose time is the median
  // Of the process, the largest of any run; 0: the system does not tell.
  uint64_t peak_memory_bytes = 0;
  std::vector<double> wall_seconds;  // of each run, in order
  // No other result is both at least as fast and at least as small, and one of
  // these really.
  bool on_front = false;
};

struct PackOptions {
  int repeat = 1;
  // Makes what the blob of the last run is written to; none: it is counted
  // only.
  std::function<Result<std::unique_ptr<ByteSink>>()> open_output;
  std::stop_token stop;  // honoured between runs and while a tar is made
};

// Packs `source` in the form `form` as often as `options` says. `kInternal`
// where two runs give different bytes of a blob that did not change; of a
// folder, `kIo`: it was changed meanwhile.
Result<PackResult> MeasurePack(PackSource& source, const oci::LayerForm& form,
                               const PackOptions& options);

// Sets `on_front`, by median time and size.
void MarkParetoFront(std::vector<PackResult>& results);

// The forms that a comparison without wishes goes through, of `threads`.
std::vector<oci::LayerForm> FormsToCompare(int threads);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_PACK_H_
