// Any bytes as text with variables: expansion must end, whatever the values.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "dockerfile/expand.h"
#include "dockerfile/heredoc.h"
#include "dockerfile/run_mount.h"

namespace strake::dockerfile {
namespace {

void Require(bool condition) {
  if (!condition) std::abort();
}

// The first line is the value of every variable that begins with a letter
// before "n"; the rest is the text.
void FuzzExpand(std::string_view input) {
  size_t newline = input.find('\n');
  std::string value(input.substr(0, newline));
  std::string_view text =
      newline == std::string_view::npos ? input : input.substr(newline + 1);
  auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (!name.empty() && name[0] < 'n') return value;
    return {};
  };
  for (char escape : {'\\', '`'}) {
    auto word = ExpandWord(text, lookup, escape);
    auto words = ExpandWords(text, lookup, escape);
    Require(word.has_value() == words.has_value());
    if (word) {
      Require(word->matched == words->matched);
      Require(word->unmatched == words->unmatched);
    } else {
      Require(!word.error().message().empty());
    }
  }
  ExpandHeredoc(text, lookup).has_value();
  FindHeredocs(text).has_value();
  auto expand = [&](std::string_view part) -> Result<std::string> {
    auto expanded = ExpandWord(part, lookup);
    if (!expanded) return std::move(expanded).error();
    return std::move(expanded->text);
  };
  ParseRunMount(text, expand).has_value();
}

}  // namespace
}  // namespace strake::dockerfile

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strake::dockerfile::FuzzExpand({reinterpret_cast<const char*>(data), size});
  return 0;
}
