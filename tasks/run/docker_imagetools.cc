// `docker buildx imagetools`: indexes in registries.

#include <array>
#include <utility>

#include "builder/image_index.h"
#include "builder/images.h"
#include "oci/reference.h"
#include "tasks/run/docker_commands.h"
#include "tasks/run/flags.h"
#include "util/result_macros.h"

namespace strake::tasks::run {
namespace {

using Takes = Flag::Takes;

constexpr std::array kCreateFlags = {
    Flag{"append", 0, Takes::kNothing},
    Flag{"builder"},
    Flag{"progress"},
    Flag{"tag", 't'},
};
constexpr std::array kInspectFlags = {
    Flag{"builder"},
    Flag{"format", 0, Takes::kRefusedValue,
         "there is --raw, and the manifest without it"},
    Flag{"raw", 0, Takes::kNothing},
};

Result<std::string> FullName(const std::string& name) {
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(name));
  return oci::WithDefaultTag(std::move(reference)).ToString();
}

Result<int> Create(RunSpace& space, const Invocation& invocation, Words words,
                   std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags("docker buildx imagetools create", kCreateFlags,
                              FlagsEnd::kNever, words));
  if (!flags.Has("tag") || flags.arguments().empty()) {
    return InvalidArgument(
        "docker buildx imagetools create: requires --tag and at least 1 image");
  }
  builder::IndexOptions options;
  options.registry = space.RegistryOptions();
  options.stop = std::move(stop);
  std::vector<std::string> sources;
  for (const std::string& name : flags.arguments()) {
    ASSIGN_OR_RETURN(sources.emplace_back(), FullName(name));
  }
  for (const std::string& tag : flags.All("tag")) {
    ASSIGN_OR_RETURN(const std::string name, FullName(tag));
    const auto make =
        flags.On("append") ? builder::AppendToIndex : builder::CreateIndex;
    ASSIGN_OR_RETURN(oci::Descriptor index, make(name, sources, options));
    const std::string digest = index.digest.ToString();
    (*space.pushed.lock())[name] = digest;
    invocation.streams.Out(name + "@" + digest + "\n");
  }
  return 0;
}

Result<int> Inspect(RunSpace& space, const Invocation& invocation, Words words,
                    std::stop_token stop) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags("docker buildx imagetools inspect", kInspectFlags,
                              FlagsEnd::kNever, words));
  if (flags.arguments().size() != 1) {
    return InvalidArgument(
        "docker buildx imagetools inspect: requires 1 argument");
  }
  ASSIGN_OR_RETURN(const std::string name, FullName(flags.arguments().front()));
  builder::RemoteInspection options;
  options.registry = space.RegistryOptions();
  options.stop = std::move(stop);
  ASSIGN_OR_RETURN(builder::ImageDocuments found,
                   builder::InspectRemoteImage(name, options));
  if (!flags.On("raw")) {
    invocation.streams.Out("Name:      " + name + "\nMediaType: " +
                           found.image.descriptor.media_type + "\nDigest:    " +
                           found.image.descriptor.digest.ToString() + "\n\n");
  }
  invocation.streams.Out(found.manifest + "\n");
  return 0;
}

}  // namespace

Result<int> DockerImageTools(RunSpace& space, const Invocation& invocation,
                             Words words, std::stop_token stop) {
  const std::string command = words.empty() ? "" : words.front();
  const Words rest = words.empty() ? words : words.subspan(1);
  if (command == "create") return Create(space, invocation, rest, stop);
  if (command == "inspect") return Inspect(space, invocation, rest, stop);
  return Unsupported("docker buildx imagetools " + command +
                     ": not built in; there are create and inspect");
}

}  // namespace strake::tasks::run
