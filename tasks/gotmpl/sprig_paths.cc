// Go's package path: slashes only, no file is looked at.

#include "tasks/gotmpl/sprig.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

std::string Base(std::string_view path) {
  if (path.empty()) return ".";
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path.empty()) return "/";
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string Directory(std::string_view path) {
  return CleanPath(path.substr(0, path.rfind('/') + 1));
}

std::string Extension(std::string_view path) {
  std::string_view name = path.substr(path.rfind('/') + 1);
  size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? "" : std::string(name.substr(dot));
}

}  // namespace

void AddSprigPaths(Functions& functions) {
  AddFunction(functions, "base", [](std::string path) { return Base(path); });
  AddFunction(functions, "dir",
              [](std::string path) { return Directory(path); });
  AddFunction(functions, "clean",
              [](std::string path) { return CleanPath(path); });
  AddFunction(functions, "ext",
              [](std::string path) { return Extension(path); });
  AddFunction(functions, "isAbs",
              [](std::string path) { return path.starts_with('/'); });
}

}  // namespace strake::tasks::gotmpl
