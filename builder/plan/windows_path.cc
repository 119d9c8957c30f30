#include "builder/plan/windows_path.h"

#include <algorithm>
#include <cctype>

namespace strake::builder::plan {

Result<std::string> FromWindowsPath(std::string_view path) {
  std::string slashed(path);
  std::replace(slashed.begin(), slashed.end(), '\\', '/');
  const bool has_drive =
      slashed.size() >= 2 && slashed[1] == ':' &&
      std::isalpha(static_cast<unsigned char>(slashed[0])) != 0;
  if (!has_drive) return slashed;
  if (slashed[0] != 'C' && slashed[0] != 'c') {
    return InvalidArgument("\"" + std::string(path) +
                           "\" is not on drive C:, the only one of an image");
  }
  slashed.erase(0, 2);
  return slashed.starts_with('/') ? slashed : "/" + slashed;
}

std::string ToWindowsPath(std::string_view path) {
  std::string written(path);
  std::replace(written.begin(), written.end(), '/', '\\');
  return "C:" + (written.starts_with('\\') ? written : "\\" + written);
}

}  // namespace strake::builder::plan
