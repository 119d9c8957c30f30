#include "builder/bake/load_files.h"

#include <unistd.h>

#include <map>
#include <utility>

#include "builder/bake/bake_file.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder::bake {
namespace {

// In the order in which docker buildx looks for them.
constexpr const char* kDefaultFiles[] = {
    "compose.yaml",
    "compose.yml",
    "docker-compose.yml",
    "docker-compose.yaml",
    "docker-bake.json",
    "docker-bake.hcl",
    "docker-bake.override.json",
    "docker-bake.override.hcl",
};

bool Exists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Result<BakeFile> LoadCompose(const std::string& path, const std::string& text,
                             const Lookup& environment) {
  std::string folder = path.substr(0, path.rfind('/') + 1);
  std::map<std::string, std::string> added;
  if (std::string file = folder + ".env"; Exists(file)) {
    ASSIGN_OR_RETURN(std::string variables, ReadFile(file));
    added = ParseEnvFile(variables);
  }
  auto lookup = [&](std::string_view name) -> std::optional<std::string> {
    if (auto value = environment(name)) return value;
    auto found = added.find(std::string(name));
    if (found == added.end()) return {};
    return found->second;
  };
  return ParseCompose(text, path, folder, lookup);
}

Result<BakeFile> LoadFile(const std::string& path, const Lookup& environment) {
  if (path.ends_with(".hcl")) {
    return Unsupported(path +
                       ": HCL is not supported: convert it with \"docker "
                       "buildx bake --print > docker-bake.json\" and give that "
                       "with -f");
  }
  ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  if (path.ends_with(".json")) return ParseBakeJson(text, path, environment);
  if (path.ends_with(".yaml") || path.ends_with(".yml")) {
    return LoadCompose(path, text, environment);
  }
  return InvalidArgument(path +
                         ": expected a .json (bake) or .yaml (compose) file");
}

}  // namespace

Result<BakeFile> LoadFiles(const std::vector<std::string>& paths,
                           const Lookup& environment) {
  std::vector<std::string> files = paths;
  if (files.empty()) {
    for (const char* name : kDefaultFiles) {
      if (Exists(name)) files.emplace_back(name);
    }
  }
  if (files.empty()) {
    return NotFound(
        "there is neither docker-bake.json nor compose.yaml here: name a file "
        "with -f");
  }
  BakeFile all;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(BakeFile one, LoadFile(file, environment));
    MergeFile(one, all);
  }
  return all;
}

}  // namespace strake::builder::bake
