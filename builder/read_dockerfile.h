// Finds and parses a build's Dockerfile.

#ifndef STRAKE_BUILDER_READ_DOCKERFILE_H_
#define STRAKE_BUILDER_READ_DOCKERFILE_H_

#include <optional>
#include <string>
#include <vector>

#include "builder/build.h"
#include "builder/context/build_context.h"
#include "dockerfile/diagnostic.h"
#include "dockerfile/dockerfile.h"
#include "util/result.h"

namespace strake::builder {

struct DockerfileSource {
  std::string
      name;  // as the user knows it: "Dockerfile", "build/app.Dockerfile"
  std::string text;
  dockerfile::Dockerfile file;
  std::vector<dockerfile::Diagnostic> diagnostics;  // mistakes, too
};

// Where on the host the Dockerfile of a folder context is: the path given, else
// the first of Dockerfile, dockerfile and Containerfile in the folder. Empty
// where the text is given instead.
std::string DockerfilePath(const BuildOptions& options);

// Takes `text` where it is set, else reads the file: on the host, or inside a
// context that came as a stream. What parsing finds is in the result; with an
// error among it, `file` must not be built. `kNotFound` names the path looked
// for.
Result<DockerfileSource> ReadDockerfile(const BuildOptions& options,
                                        const context::BuildContext& context,
                                        const std::optional<std::string>& text);

}  // namespace strake::builder

#endif  // STRAKE_BUILDER_READ_DOCKERFILE_H_
