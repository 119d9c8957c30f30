#include "tasks/run/image_names.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "util/strings.h"

namespace strake::tasks::run {
namespace {

constexpr size_t kLongestTag = 128;
constexpr std::string_view kHub = "docker.io";
constexpr std::string_view kHubInAcr = "registry.hub.docker.com";

// "host[:port]" where the first part of the name is one.
std::string_view RegistryOf(std::string_view tag) {
  const auto parts = SplitOnce(tag, '/');
  if (!parts) return {};
  const std::string_view first = parts->first;
  const bool is_host = first.find('.') != std::string_view::npos ||
                       first.find(':') != std::string_view::npos ||
                       first == "localhost";
  return is_host ? first : std::string_view();
}

// Without registry, tag and digest.
std::string_view PathOf(std::string_view tag) {
  const std::string_view registry = RegistryOf(tag);
  if (!registry.empty()) tag.remove_prefix(registry.size() + 1);
  tag = tag.substr(0, tag.find('@'));
  return tag.substr(0, tag.find(':'));
}

}  // namespace

ImageName NameOf(const oci::Reference& reference, const std::string& digest) {
  ImageName name;
  name.registry = reference.registry;
  name.repository = reference.repository;
  name.tag = reference.tag;
  name.digest = digest;
  name.reference = reference.ToString();
  if (reference.registry == kHub) {
    name.registry = kHubInAcr;
    name.reference = reference.Familiar();
  }
  return name;
}

std::vector<ImageDependencies> DependenciesOf(
    const builder::BuildResult& result, const std::vector<std::string>& tags,
    const std::string& commit) {
  ImageDependencies common;
  common.git_revision = commit;
  bool found = false;
  for (const builder::ImageDependency& one : result.dependencies) {
    ImageName name = NameOf(one.reference, one.digest.ToString());
    if (one.runtime && !found) {
      common.runtime = std::move(name);
      found = true;
    } else {
      common.buildtime.push_back(std::move(name));
    }
  }
  if (!found) {
    common.runtime = {std::string(kHubInAcr), "library/scratch", "latest", "",
                      "scratch:latest"};
  }
  std::vector<ImageDependencies> all;
  const std::string digest =
      result.image ? result.image->digest.ToString() : std::string();
  for (const std::string& tag : tags) {
    auto reference = oci::ParseReference(tag);
    if (!reference) continue;
    ImageDependencies each = common;
    each.image = NameOf(oci::WithDefaultTag(*std::move(reference)), digest);
    all.push_back(std::move(each));
  }
  if (all.empty()) all.push_back(std::move(common));
  return all;
}

Result<std::string> CacheReference(const std::vector<std::string>& tags,
                                   const std::string& run_registry,
                                   const std::string& task_name,
                                   const std::string& step_id) {
  if (tags.empty()) return std::string();
  auto with_registry = std::ranges::find_if(
      tags, [](const std::string& tag) { return !RegistryOf(tag).empty(); });
  const std::string& tag =
      with_registry == tags.end() ? tags.front() : *with_registry;
  const std::string registry =
      with_registry == tags.end() ? run_registry : std::string(RegistryOf(tag));
  if (registry.empty()) return std::string();
  const std::string cache_tag = "cache_" + task_name + "_" + step_id;
  if (cache_tag.size() > kLongestTag) {
    return InvalidArgument("the cache's tag " + cache_tag +
                           " is longer than 128 characters");
  }
  return registry + "/" + std::string(PathOf(tag)) + ":" + cache_tag;
}

std::vector<std::string> ImagesToPush(const std::vector<std::string>& written) {
  std::vector<std::string> images;
  for (std::string image : written) {
    if (image.find(':') == std::string::npos &&
        image.find('@') == std::string::npos) {
      image += ":latest";
    }
    if (std::ranges::find(images, image) == images.end()) {
      images.push_back(std::move(image));
    }
  }
  return images;
}

}  // namespace strake::tasks::run
