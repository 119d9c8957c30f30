// Layers from one compression to another. Stateless; safe from any thread.

#ifndef STRAKE_OCI_CONVERT_LAYER_H_
#define STRAKE_OCI_CONVERT_LAYER_H_

#include "oci/blob_store.h"
#include "oci/compressor.h"
#include "oci/descriptor.h"
#include "oci/estargz.h"
#include "oci/layer_blob.h"
#include "util/result.h"

namespace strake::oci {

// How layers are to be stored.
struct LayerForm {
  CompressionOptions compression;
  bool estargz = false;  // with gzip: such as can be read in parts
  friend bool operator==(const LayerForm& a, const LayerForm& b) {
    return a.compression.algorithm == b.compression.algorithm &&
           a.compression.level == b.compression.level && a.estargz == b.estargz;
  }
};

// The tar of `layer`, which `store` has, as another blob of `store`. The diff
// ID of the result is that of `layer`, except for eStargz, which adds a file.
// Errors: kNotFound, kUnsupported (no layer of ours), kCorrupt.
Result<LayerBlob> ConvertLayer(const Descriptor& layer, const LayerForm& form,
                               const BlobStore& store);

// Notes in `layer` what `summary` says of its tar, with the annotations that
// such a layer has.
void DescribeEstargz(const EstargzSummary& summary, LayerBlob& layer);

}  // namespace strake::oci

#endif  // STRAKE_OCI_CONVERT_LAYER_H_
