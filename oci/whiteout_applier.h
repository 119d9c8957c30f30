// What the whiteouts of a layer do to the tree that it is unpacked into
// (image-spec layer.md, "Whiteouts"): they delete what the layers below have,
// or leave overlay's own markers, but never concern their own layer, wherever
// in the tar they stand. For the `.cc` files of this room.

#ifndef STRAKE_OCI_WHITEOUT_APPLIER_H_
#define STRAKE_OCI_WHITEOUT_APPLIER_H_

#include <string>
#include <string_view>

#include "oci/layer_tree.h"
#include "util/result.h"

namespace strake::oci {

// `.wh.<name>` in `directory`, a path as the layer has it.
Status ApplyWhiteout(LayerTree& tree, std::string_view directory,
                     const std::string& name);
// `.wh..wh..opq` in `directory`.
Status ApplyOpaqueWhiteout(LayerTree& tree, std::string_view directory);

}  // namespace strake::oci

#endif  // STRAKE_OCI_WHITEOUT_APPLIER_H_
