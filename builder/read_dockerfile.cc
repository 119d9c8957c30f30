#include "builder/read_dockerfile.h"

#include <unistd.h>

#include <utility>

#include "builder/plan/build_args.h"
#include "dockerfile/parser.h"
#include "util/byte_stream.h"
#include "util/result_macros.h"

namespace strake::builder {
namespace {

constexpr const char* kNames[] = {"Dockerfile", "dockerfile", "Containerfile"};

Result<std::string> ReadFromStreamContext(const BuildOptions& options,
                                          const context::BuildContext& context,
                                          std::string& name) {
  if (!options.dockerfile_path.empty()) {
    name = options.dockerfile_path;
    return context.ReadFile(name);
  }
  for (const char* candidate : kNames) {
    auto text = context.ReadFile(candidate);
    if (text || text.error().code() != ErrorCode::kNotFound) {
      name = candidate;
      return text;
    }
  }
  return NotFound("the build context has no Dockerfile");
}

Result<std::string> ReadText(const BuildOptions& options,
                             const context::BuildContext& context,
                             const std::optional<std::string>& given,
                             std::string& name) {
  name = "Dockerfile";
  if (given) return *given;
  if (!options.context.is_folder()) {
    return ReadFromStreamContext(options, context, name);
  }
  std::string path = DockerfilePath(options);
  name = options.dockerfile_path.empty() ? path.substr(path.rfind('/') + 1)
                                         : options.dockerfile_path;
  return ReadFile(path);
}

}  // namespace

std::string DockerfilePath(const BuildOptions& options) {
  if (options.dockerfile_text || !options.context.is_folder()) return "";
  if (!options.dockerfile_path.empty()) return options.dockerfile_path;
  for (const char* name : kNames) {
    std::string path = options.context.path + "/" + name;
    if (::access(path.c_str(), F_OK) == 0) return path;
  }
  return options.context.path + "/" + kNames[0];
}

Result<DockerfileSource> ReadDockerfile(
    const BuildOptions& options, const context::BuildContext& context,
    const std::optional<std::string>& text) {
  DockerfileSource source;
  auto read = ReadText(options, context, text, source.name);
  if (!read) {
    return std::move(read).error().Wrap("failed to read the Dockerfile");
  }
  source.text = *std::move(read);
  dockerfile::ParseOptions parse;
  parse.syntax = plan::BuildArgs(options.build_args).Find("BUILDKIT_SYNTAX");
  dockerfile::ParseResult parsed = dockerfile::Parse(source.text, parse);
  source.file = std::move(parsed.dockerfile);
  source.diagnostics = std::move(parsed.diagnostics);
  return source;
}

}  // namespace strake::builder
