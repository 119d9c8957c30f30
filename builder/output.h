// Where the result of a build goes (`--output` of `docker buildx build`).

#ifndef STRAKE_BUILDER_OUTPUT_H_
#define STRAKE_BUILDER_OUTPUT_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::builder {

struct Output {
  enum class Kind {
    kStore,     // strake's own store, under the build's names ("image")
    kOci,       // an OCI image layout: a tar, or a folder with tar=false
    kDocker,    // a tar that `docker load` takes
    kRegistry,  // pushed under each name
    kLocal,     // the files of the root file system, as a folder
    kTar,       // the same as a tar
  };
  Kind kind = Kind::kStore;
  std::string dest;                // path; "-" is standard output
  std::vector<std::string> names;  // references; empty: the build's tags
  bool tar = true;                 // kOci only: false writes a folder
  // Images only: `BuildOptions::rewrite_timestamp`, which has to know it.
  bool rewrite_timestamp = false;
};

// Reads buildx's `type=oci,dest=out.tar,name=...` (CSV: fields may be quoted),
// `type=image,push=true`, or a bare path (a folder, "-": a tar to standard
// output). `kInvalidArgument` names the key that is unknown or missing;
// `kUnsupported` one that strake does not do yet.
Result<Output> ParseOutput(std::string_view text);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_OUTPUT_H_
