// Any bytes as an ignore file and a path: matching in one go, matching step by
// step and pruning must agree.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "dockerfile/ignore.h"
#include "util/strings.h"

namespace strake::dockerfile {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// The first line is the path; the rest is the ignore file.
void FuzzIgnore(std::string_view input) {
  size_t newline = input.find('\n');
  if (newline == std::string_view::npos) return;
  std::string path = CleanPath("/" + std::string(input.substr(0, newline)));
  path.erase(0, 1);
  auto matcher =
      IgnoreMatcher::Compile(ReadIgnoreFile(input.substr(newline + 1)));
  if (!matcher || path.empty()) return;
  IgnoreMatcher::State state;
  bool excluded = false, pruned = false;
  for (size_t end = path.find('/');; end = path.find('/', end + 1)) {
    std::string_view part = std::string_view(path).substr(0, end);
    excluded = matcher->Enter(part, state, state);
    // What is pruned must stay out, whatever lies below.
    Require(!pruned || excluded);
    pruned = pruned || (excluded && matcher->CanPrune(part));
    if (end == std::string::npos) break;
  }
  Require(matcher->Excludes(path) == excluded);
}

}  // namespace
}  // namespace strake::dockerfile

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strake::dockerfile::FuzzIgnore({reinterpret_cast<const char*>(data), size});
  return 0;
}
