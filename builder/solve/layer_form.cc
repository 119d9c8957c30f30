#include "builder/solve/layer_form.h"

namespace strake::builder::solve {

std::string LayerForm(const SolveOptions& options) {
  // What a layer holds beside changes; another number for anything else.
  std::string form = "2:";
  form += oci::CompressionName(options.compression.algorithm);
  form += ":" + std::to_string(options.compression.level);
  if (options.layers.clamp_mtime) {
    form += ":" + oci::FormatTimestamp(*options.layers.clamp_mtime);
  }
  return form;
}

}  // namespace strake::builder::solve
