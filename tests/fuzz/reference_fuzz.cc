// Any bytes as a reference to an image: what is accepted must mean the same
// however it is written again.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "oci/reference.h"

namespace strake::oci {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

void FuzzReference(std::string_view text) {
  auto reference = ParseReference(text);
  if (!reference) {
    Require(!reference.error().message().empty());
    return;
  }
  Require(!reference->registry.empty() && !reference->repository.empty());
  for (const std::string& written :
       {reference->ToString(), reference->Familiar()}) {
    auto again = ParseReference(written);
    Require(again && *again == *reference);
  }
  Reference tagged = WithDefaultTag(*reference);
  Require(tagged.digest || !tagged.tag.empty());
  Require(tagged.Name() == reference->Name());
  Require(tagged.TagOrDigest() == reference->TagOrDigest());
}

}  // namespace
}  // namespace strake::oci

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strake::oci::FuzzReference({reinterpret_cast<const char*>(data), size});
  return 0;
}
