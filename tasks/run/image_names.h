// References as ACR's engine writes them. Pure.

#ifndef STRAKE_TASKS_RUN_IMAGE_NAMES_H_
#define STRAKE_TASKS_RUN_IMAGE_NAMES_H_

#include <string>
#include <vector>

#include "builder/build.h"
#include "oci/reference.h"
#include "tasks/run/run_record.h"
#include "util/result.h"

namespace strake::tasks::run {

// Docker Hub's images are of "registry.hub.docker.com", and `reference` is the
// short form: "alpine:latest".
ImageName NameOf(const oci::Reference& reference, const std::string& digest);

// What an image was built from: one entry a tag, or one without an image.
std::vector<ImageDependencies> DependenciesOf(
    const builder::BuildResult& result, const std::vector<std::string>& tags,
    const std::string& commit);

// Where a build step with `cache: enabled` keeps its cache (acr-tasks 1.9):
// beside the first tag that names a registry, else in `run_registry` under the
// path of the first tag. "" where there is no tag, or no registry.
// `kInvalidArgument`: the tag would be longer than 128 characters.
Result<std::string> CacheReference(const std::vector<std::string>& tags,
                                   const std::string& run_registry,
                                   const std::string& task_name,
                                   const std::string& step_id);

// The images of a push step: ":latest" for those without ":" and "@", each
// once, in their order.
std::vector<std::string> ImagesToPush(const std::vector<std::string>& written);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_IMAGE_NAMES_H_
