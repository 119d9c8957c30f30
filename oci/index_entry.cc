#include "oci/index_entry.h"

#include "oci/reference.h"

namespace strake::oci {
namespace {

constexpr char kRefName[] = "org.opencontainers.image.ref.name";
constexpr char kContainerdName[] = "io.containerd.image.name";

// A name without "/" and ":" is a foreign layout's bare tag, which
// `ParseReference` would take for a repository.
bool IsBareTag(std::string_view name) {
  return name.find_first_of("/:@") == std::string_view::npos;
}

}  // namespace

NamedImage FromIndexEntry(Descriptor entry) {
  NamedImage image;
  // The later one is the fuller one and wins.
  for (const char* key : {kRefName, kContainerdName}) {
    auto it = entry.annotations.find(key);
    if (it == entry.annotations.end()) continue;
    image.name = it->second;
    entry.annotations.erase(it);
  }
  image.descriptor = std::move(entry);
  return image;
}

Descriptor ToIndexEntry(const NamedImage& image) {
  Descriptor entry = image.descriptor;
  if (image.name.empty()) return entry;
  auto reference = ParseReference(image.name);
  if (IsBareTag(image.name) || !reference) {
    entry.annotations[kRefName] = image.name;
    return entry;
  }
  entry.annotations[kContainerdName] = image.name;
  if (!reference->tag.empty()) entry.annotations[kRefName] = reference->tag;
  return entry;
}

}  // namespace strake::oci
