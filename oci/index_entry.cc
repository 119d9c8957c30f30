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
  auto take = [&](const char* key) {
    auto node = entry.annotations.extract(key);
    return node.empty() ? std::string() : std::move(node.mapped());
  };
  std::string ref_name = take(kRefName);
  std::string full_name = take(kContainerdName);
  // Other tools (umoci) retag by changing the one and copying the other along.
  auto reference = ParseReference(full_name);
  bool agree = ref_name.empty() || ref_name == full_name ||
               (reference && reference->tag == ref_name);
  NamedImage image;
  image.name = !full_name.empty() && agree ? full_name : ref_name;
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
