// Bake and compose files on disk.

#ifndef STRAKE_BUILDER_BAKE_LOAD_FILES_H_
#define STRAKE_BUILDER_BAKE_LOAD_FILES_H_

#include <string>
#include <vector>

#include "builder/bake/interpolate.h"
#include "builder/bake/target.h"
#include "util/result.h"

namespace strake::builder::bake {

// Reads `paths` and merges them, later ones over earlier ones; none: those of
// compose.yaml, compose.yml, docker-compose.yml, docker-compose.yaml,
// docker-bake.json and docker-bake.override.json that exist in the working
// directory. A file that ends in ".json" is a bake file, in ".yaml" or ".yml" a
// compose file, beside which a `.env` may add to the environment.
// Errors: `kNotFound`; `kUnsupported` for HCL, with how to convert it; those of
// bake_file.h.
Result<BakeFile> LoadFiles(const std::vector<std::string>& paths,
                           const Lookup& environment);

}  // namespace strake::builder::bake

#endif  // STRAKE_BUILDER_BAKE_LOAD_FILES_H_
