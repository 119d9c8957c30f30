// `docker manifest create`, `annotate`, `inspect`, `push`: image indexes of
// images that are in a registry.

#include <algorithm>
#include <array>
#include <utility>

#include "builder/image_index.h"
#include "oci/reference.h"
#include "tasks/run/docker_commands.h"
#include "tasks/run/flags.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

using Takes = Flag::Takes;
using Entries = std::vector<RunSpace::ManifestEntry>;

constexpr std::array kCreateFlags = {
    Flag{"amend", 'a', Takes::kNothing},
    Flag{"insecure", 0, Takes::kRefused,
         "give `strake task exec` the registry with --insecure-registry"},
};
constexpr std::array kAnnotateFlags = {
    Flag{"arch"},
    Flag{"os"},
    Flag{"os-version", 0, Takes::kRefusedValue, "it is the image's own"},
    Flag{"variant"},
};
constexpr std::array kPushFlags = {
    Flag{"insecure", 0, Takes::kRefused,
         "give `strake task exec` the registry with --insecure-registry"},
    Flag{"purge", 'p', Takes::kNothing},
};

Result<std::string> FullName(const std::string& name) {
  ASSIGN_OR_RETURN(oci::Reference reference, oci::ParseReference(name));
  return oci::WithDefaultTag(std::move(reference)).ToString();
}

Result<int> Create(RunSpace& space, const Invocation& invocation, Words words) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags("docker manifest create", kCreateFlags,
                              FlagsEnd::kNever, words));
  const std::vector<std::string>& names = flags.arguments();
  if (names.size() < 2) {
    return InvalidArgument(
        "docker manifest create: requires a list and at least 1 image");
  }
  ASSIGN_OR_RETURN(std::string list, FullName(names[0]));
  Entries entries;
  for (size_t i = 1; i < names.size(); ++i) {
    ASSIGN_OR_RETURN(std::string image, FullName(names[i]));
    entries.push_back({std::move(image), {}});
  }
  auto manifests = space.manifests.lock();
  Entries& known = (*manifests)[list];
  if (!known.empty() && !flags.On("amend")) {
    return InvalidArgument("docker manifest create: " + list +
                           " exists; add to it with --amend");
  }
  known.insert(known.end(), entries.begin(), entries.end());
  invocation.streams.Out("Created manifest list " + list + "\n");
  return 0;
}

Result<int> Annotate(RunSpace& space, Words words) {
  ASSIGN_OR_RETURN(ParsedFlags flags,
                   ParseFlags("docker manifest annotate", kAnnotateFlags,
                              FlagsEnd::kNever, words));
  if (flags.arguments().size() != 2) {
    return InvalidArgument(
        "docker manifest annotate: requires a list and an image");
  }
  ASSIGN_OR_RETURN(std::string list, FullName(flags.arguments()[0]));
  ASSIGN_OR_RETURN(std::string image, FullName(flags.arguments()[1]));
  auto manifests = space.manifests.lock();
  Entries& known = (*manifests)[list];
  auto entry =
      std::ranges::find(known, image, &RunSpace::ManifestEntry::reference);
  if (entry == known.end()) {
    return NotFound("docker manifest annotate: " + list + " has no " + image);
  }
  oci::Platform platform = entry->platform.value_or(oci::Platform{});
  if (flags.Has("os")) platform.os = flags.Last("os");
  if (flags.Has("arch")) platform.architecture = flags.Last("arch");
  if (flags.Has("variant")) platform.variant = flags.Last("variant");
  entry->platform = std::move(platform);
  return 0;
}

Result<Entries> FindList(RunSpace& space, const std::string& list) {
  auto manifests = space.manifests.lock();
  auto known = manifests->find(list);
  if (known == manifests->end()) {
    return NotFound("docker manifest: no such list: " + list +
                    "; create it first");
  }
  return known->second;
}

Result<int> Push(RunSpace& space, const Invocation& invocation, Words words,
                 std::stop_token stop) {
  ASSIGN_OR_RETURN(
      ParsedFlags flags,
      ParseFlags("docker manifest push", kPushFlags, FlagsEnd::kNever, words));
  if (flags.arguments().size() != 1) {
    return InvalidArgument("docker manifest push: requires 1 argument");
  }
  ASSIGN_OR_RETURN(std::string list, FullName(flags.arguments()[0]));
  ASSIGN_OR_RETURN(Entries entries, FindList(space, list));
  builder::IndexOptions options;
  options.registry = space.RegistryOptions();
  options.stop = std::move(stop);
  std::vector<std::string> sources;
  for (const RunSpace::ManifestEntry& entry : entries) {
    sources.push_back(entry.reference);
    if (entry.platform) options.platforms[entry.reference] = *entry.platform;
  }
  ASSIGN_OR_RETURN(oci::Descriptor index,
                   builder::CreateIndex(list, sources, options));
  const std::string digest = index.digest.ToString();
  (*space.pushed.lock())[list] = digest;
  if (flags.On("purge")) space.manifests.lock()->erase(list);
  invocation.streams.Out(digest + "\n");
  return 0;
}

Result<int> Inspect(RunSpace& space, const Invocation& invocation,
                    Words words) {
  if (words.size() != 1) {
    return InvalidArgument("docker manifest inspect: requires 1 argument");
  }
  ASSIGN_OR_RETURN(std::string list, FullName(words[0]));
  ASSIGN_OR_RETURN(Entries entries, FindList(space, list));
  for (const RunSpace::ManifestEntry& entry : entries) {
    invocation.streams.Out(
        entry.reference +
        (entry.platform ? " " + entry.platform->ToString() : "") + "\n");
  }
  return 0;
}

}  // namespace

Result<int> DockerManifest(RunSpace& space, const Invocation& invocation,
                           Words words, std::stop_token stop) {
  const std::string command = words.empty() ? "" : words.front();
  const Words rest = words.empty() ? words : words.subspan(1);
  if (command == "create") return Create(space, invocation, rest);
  if (command == "annotate") return Annotate(space, rest);
  if (command == "push") return Push(space, invocation, rest, std::move(stop));
  if (command == "inspect") return Inspect(space, invocation, rest);
  if (command == "rm") {
    for (const std::string& name : rest) {
      ASSIGN_OR_RETURN(std::string list, FullName(name));
      space.manifests.lock()->erase(list);
    }
    return 0;
  }
  return InvalidArgument("docker manifest " + command +
                         ": expected create, annotate, inspect, push or rm");
}

}  // namespace strake::tasks::run
