#include "builder/output_names.h"

#include <algorithm>
#include <utility>

#include "oci/reference.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

Result<oci::Reference> ParseName(const std::string& name) {
  auto reference = oci::ParseReference(name);
  if (!reference) {
    return std::move(reference).error().Wrap("invalid tag \"" + name + "\"");
  }
  if (reference->digest) {
    return InvalidArgument("invalid tag \"" + name +
                           "\": a digest is not for the user to choose");
  }
  return reference;
}

// Names of repositories, for what is pushed by its digest.
Result<std::vector<std::string>> NormalizeRepositories(
    const std::vector<std::string>& names) {
  std::vector<std::string> normal;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(oci::Reference reference, ParseName(name));
    if (!reference.tag.empty()) {
      return InvalidArgument("push-by-digest=true cannot push \"" + name +
                             "\" under its tag: leave out \":" + reference.tag +
                             "\"");
    }
    normal.push_back(reference.ToString());
  }
  return normal;
}

}  // namespace

Result<std::vector<std::string>> NormalizeNames(
    const std::vector<std::string>& names) {
  std::vector<std::string> normal;
  for (const std::string& name : names) {
    ASSIGN_OR_RETURN(oci::Reference reference, ParseName(name));
    normal.push_back(oci::WithDefaultTag(std::move(reference)).ToString());
  }
  return normal;
}

Result<std::vector<Output>> ResolveOutputs(const BuildOptions& options) {
  std::vector<Output> outputs = options.outputs;
  if (outputs.empty()) outputs.emplace_back();
  for (Output& output : outputs) {
    if (output.names.empty()) output.names = options.tags;
    ASSIGN_OR_RETURN(output.names, output.push_by_digest
                                       ? NormalizeRepositories(output.names)
                                       : NormalizeNames(output.names));
    if (output.kind == Output::Kind::kRegistry && output.names.empty()) {
      return InvalidArgument("tag is needed when pushing to registry");
    }
    if (!output.IsImage()) continue;
    if (output.docker_media_types && !options.annotations.empty()) {
      return InvalidArgument(
          "oci-mediatypes=false: Docker's manifests have no annotations");
    }
    output.annotations.insert(output.annotations.begin(),
                              options.annotations.begin(),
                              options.annotations.end());
  }
  if (options.keep && std::ranges::none_of(outputs, &Output::unlisted)) {
    outputs.emplace_back().unlisted = true;
  }
  return outputs;
}

registry::ClientOptions RegistryOptionsFor(const BuildOptions& options,
                                           const std::vector<Output>& outputs) {
  registry::ClientOptions registry = options.registry;
  for (const Output& output : outputs) {
    if (!output.insecure) continue;
    for (const std::string& name : output.names) {
      if (auto reference = oci::ParseReference(name)) {
        registry.insecure_registries.push_back(reference->registry);
      }
    }
  }
  return registry;
}

}  // namespace strake::builder
