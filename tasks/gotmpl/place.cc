#include "tasks/gotmpl/place.h"

#include <algorithm>

namespace strake::tasks::gotmpl {

int LineOf(std::string_view text, size_t at) {
  std::string_view before = text.substr(0, at);
  return 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n'));
}

Error PlacedError(std::string_view what, std::string_view name,
                  std::string_view text, size_t at, std::string_view message) {
  at = std::min(at, text.size());
  size_t newline = text.substr(0, at).rfind('\n');
  size_t column = newline == std::string_view::npos ? at + 1 : at - newline;
  return InvalidArgument(std::string(what) + ": " + std::string(name) + ":" +
                         std::to_string(LineOf(text, at)) + ":" +
                         std::to_string(column) + ": " + std::string(message));
}

}  // namespace strake::tasks::gotmpl
