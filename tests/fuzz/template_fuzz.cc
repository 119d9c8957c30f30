// Any bytes as the template of a task file: executing ends, with a text or an
// error, and what it makes stays bounded. What is left for later must be a
// template in turn.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/file/template.h"

namespace strake::tasks::file {
namespace {

constexpr std::string_view kData = R"({
  "s": "str", "i": 5, "f": 2.5, "b": true, "n": null, "l": ["a", "b", 3],
  "m": {"k": "v", "j": {"x": [1]}}, "Steps": {"a": {"Outputs": {"k": "v"}}}})";

void Require(bool condition) {
  if (!condition) std::abort();
}

// Functions that ask others, or take long on purpose, tell nothing here.
bool Wanted(std::string_view text) {
  for (std::string_view name :
       {"getHostByName", "genPrivateKey", "genCA", "genSelfSignedCert",
        "genSignedCert", "derivePassword"}) {
    if (text.find(name) != std::string_view::npos) return false;
  }
  return true;
}

size_t LinesOf(const std::string& text) {
  size_t lines = 1;
  for (char c : text) lines += c == '\n' ? 1 : 0;
  return lines;
}

void FuzzTemplate(std::string_view text) {
  if (!Wanted(text)) return;
  TemplateOptions options;
  options.work = 20'000;
  options.environment =
      [](const std::string& name) -> std::optional<std::string> {
    if (name == "TZ") return "Europe/Berlin";
    return std::nullopt;
  };
  auto now = RenderTemplate(text, kData, options);
  if (now) {
    Require(now->text.size() <= size_t{17} << 20);
    Require(now->source_lines.size() == LinesOf(now->text));
  } else {
    Require(now.error().message().starts_with("failed to "));
  }
  options.later = {"Steps", "m"};
  auto later = RenderTemplate(text, kData, options);
  if (later) {
    Require(later->source_lines.size() == LinesOf(later->text));
  } else {
    Require(later.error().message().starts_with("failed to "));
  }
}

}  // namespace
}  // namespace strake::tasks::file

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strake::tasks::file::FuzzTemplate(
      {reinterpret_cast<const char*>(data), size});
  return 0;
}
