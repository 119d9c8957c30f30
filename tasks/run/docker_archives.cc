// `docker save` and `load`: images in files of the workspace.

#include <array>
#include <utility>

#include "builder/copy_image.h"
#include "oci/reference.h"
#include "tasks/run/docker_commands.h"
#include "tasks/run/flags.h"
#include "tasks/run/path_map.h"
#include "util/result_macros.h"

namespace strake::tasks::run {
namespace {

using Kind = builder::ImagePlace::Kind;

constexpr std::array kSaveFlags = {
    Flag{"output", 'o'},
};
constexpr std::array kLoadFlags = {
    Flag{"input", 'i'},
    Flag{"quiet", 'q', Flag::Takes::kNothing},
};

builder::CopyImageOptions Copying(RunSpace& space, std::stop_token stop) {
  builder::CopyImageOptions options;
  options.store_directory = space.settings.store_directory;
  options.stop = std::move(stop);
  return options;
}

Result<builder::ImagePlace> Archive(const RunSpace& space,
                                    const Invocation& invocation,
                                    const std::string& path,
                                    const std::string& flag) {
  builder::ImagePlace place;
  place.kind = Kind::kDockerArchive;
  ASSIGN_OR_RETURN(
      place.path,
      HostPath(space, AbsolutePath(invocation.directory, path), flag));
  place.text = path;
  return place;
}

}  // namespace

Result<int> DockerSave(RunSpace& space, const Invocation& invocation,
                       Words words, std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags, ParseFlags("docker save", kSaveFlags,
                                                 FlagsEnd::kNever, words));
  if (flags.arguments().size() != 1) {
    return Unsupported(
        "docker save: requires 1 argument; of several images, each goes to a "
        "file of its own");
  }
  if (!flags.Has("output")) {
    return Unsupported(
        "docker save: standard output is the task's log; name a file, --output "
        "FILE");
  }
  const std::string& name = flags.arguments().front();
  ASSIGN_OR_RETURN(
      builder::ImagePlace to,
      Archive(space, invocation, flags.Last("output"), "--output"));
  builder::ImagePlace from;
  from.kind = Kind::kStore;
  from.name = from.text = name;
  RETURN_IF_ERROR(builder::CopyImage(from, to, Copying(space, stop)));
  return 0;
}

Result<int> DockerLoad(RunSpace& space, const Invocation& invocation,
                       Words words, std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags, ParseFlags("docker load", kLoadFlags,
                                                 FlagsEnd::kNever, words));
  if (!flags.Has("input") || !flags.arguments().empty()) {
    return Unsupported("docker load: name the file, --input FILE");
  }
  ASSIGN_OR_RETURN(builder::ImagePlace from,
                   Archive(space, invocation, flags.Last("input"), "--input"));
  builder::ImagePlace to;
  to.kind = Kind::kStore;  // under the name that it has
  to.text = "the store";
  ASSIGN_OR_RETURN(builder::CopiedImage copied,
                   builder::CopyImage(from, to, Copying(space, stop)));
  invocation.streams.Out("Loaded image: " + copied.name + "\n");
  return 0;
}

}  // namespace strake::tasks::run
