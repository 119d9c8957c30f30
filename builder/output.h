// Where the result of a build goes (`--output` of `docker buildx build`).

#ifndef STRAKE_BUILDER_OUTPUT_H_
#define STRAKE_BUILDER_OUTPUT_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/annotation.h"
#include "oci/convert_layer.h"
#include "util/result.h"

namespace strake::builder {

struct Output {
  enum class Kind {
    kStore,     // strake's own store, under the build's names ("image")
    kOci,       // an OCI image layout: a tar, or a folder with tar=false
    kDocker,    // the same with what `docker load` reads
    kRegistry,  // pushed under each name
    kLocal,     // the files of the root file system, as a folder
    kTar,       // the same as a tar
  };
  Kind kind = Kind::kStore;
  std::string dest;                // path; "-" is standard output
  std::vector<std::string> names;  // references; empty: the build's tags
  bool tar = true;                 // kOci, kDocker: false writes a folder
  // Files later than SOURCE_DATE_EPOCH are set back to it. One for all images
  // of a build (`BuildOptions::rewrite_timestamp`, which has to know it).
  bool rewrite_timestamp = false;

  // Of images, beside `names`:
  bool store = false;           // kRegistry: also into the store
  bool push_by_digest = false;  // kRegistry: names are repositories
  bool name_canonical = false;  // kStore: also as NAME@DIGEST
  bool insecure = false;        // kRegistry: plain HTTP, any certificate
  bool unlisted = false;        // kStore: without a name it is in no list
  // kStore: an image without a name is called PREFIX@DIGEST.
  std::string dangling_name_prefix;
  // How layers are compressed; none: gzip. Layers of the base stay as they are,
  // unless `force_compression`.
  std::optional<oci::LayerForm> layers;
  bool force_compression = false;
  bool docker_media_types = false;
  std::vector<Annotation> annotations;

  // kLocal: the files in a folder called after their platform; none:
  // where there are several.
  std::optional<bool> platform_split;

  bool IsImage() const { return kind != Kind::kLocal && kind != Kind::kTar; }
};

// Reads buildx's `type=oci,dest=out.tar,name=...` (CSV: fields may be quoted),
// `type=image,push=true`, or a bare path (a folder, "-": a tar to standard
// output). `kInvalidArgument` names the key that is unknown, missing, or means
// nothing for the type; `kUnsupported` one that only BuildKit has.
Result<Output> ParseOutput(std::string_view text);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_OUTPUT_H_
