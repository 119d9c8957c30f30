// Where a build's cache goes to and comes from (`--cache-to` and `--cache-from`
// of `docker buildx build`).

#ifndef STRAKE_BUILDER_CACHE_SPEC_H_
#define STRAKE_BUILDER_CACHE_SPEC_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::builder {

struct CacheExport {
  enum class Kind {
    kRegistry,  // an image of its own in a registry, `reference`
    kLocal,     // an OCI image layout in the folder `path`, under `tag`
    kInline,    // inside the image that is built: the steps of its layers
  };
  Kind kind = Kind::kRegistry;
  std::string reference;
  std::string path;
  std::string tag = "latest";
  // mode=max: every step that the build knows, those of other stages included;
  // mode=min: those that the image's layers come from.
  bool every_step = false;
  // mounts=true: with the folders of RUN --mount=type=cache; mounts-max-size=:
  // of all of them, as tars.
  bool mounts = false;
  uint64_t mounts_most_bytes = 2'000'000'000;
  // A cache that cannot be written is a warning, no failed build.
  bool ignore_error = false;
};

struct CacheImport {
  enum class Kind {
    kRegistry,  // `reference`: a cache, or an image with one inside it
    kLocal,     // a folder that `CacheExport::Kind::kLocal` has written
  };
  Kind kind = Kind::kRegistry;
  std::string reference;
  std::string path;
  std::string tag = "latest";
};

// Read `type=registry,ref=NAME,mode=max` (CSV), or a bare reference.
// `kInvalidArgument` names the key that is unknown, missing or wrong;
// `kUnsupported` one that strake cannot honour.
Result<CacheExport> ParseCacheExport(std::string_view text);
Result<CacheImport> ParseCacheImport(std::string_view text);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_CACHE_SPEC_H_
