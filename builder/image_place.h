// Where an image is or is to be, as the command line has it:
//
//   [docker://]REFERENCE           in a registry
//   oci:FOLDER[:TAG|@DIGEST]       in an OCI image layout
//   oci-archive:FILE[:TAG|@DIGEST] in one that is a tar
//   docker-archive:FILE[:NAME]     in what `docker save` writes
//   store:NAME                     in strake's store
//
// FOLDER and FILE have no ":" in them. A repository that is called as one of
// the schemes is written with "docker://".

#ifndef STRAKE_BUILDER_IMAGE_PLACE_H_
#define STRAKE_BUILDER_IMAGE_PLACE_H_

#include <optional>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "util/result.h"

namespace strake::builder {

struct ImagePlace {
  enum class Kind { kRegistry, kLayout, kOciArchive, kDockerArchive, kStore };
  Kind kind = Kind::kRegistry;
  std::string path = {};  // of a layout or an archive
  // kRegistry: the reference; else the tag or name, which may be empty (what is
  // copied to `kStore` keeps its name then).
  std::string name = {};
  std::optional<oci::Digest> digest = {};  // kLayout, kOciArchive
  std::string text = {};                   // as it was written
};

// `kInvalidArgument` says what is wrong with it; nothing is looked at on disk.
Result<ImagePlace> ParseImagePlace(std::string_view text);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_IMAGE_PLACE_H_
