#include "tasks/file/secret_value.h"

#include <chrono>
#include <utility>

#include "util/byte_stream.h"
#include "util/strings.h"
#include "util/subprocess.h"

namespace strake::tasks::file {
namespace {

// As much as a build takes for a secret.
constexpr size_t kMaxBytes = 500 * 1024;
constexpr std::chrono::minutes kProgramTimeout{2};

Result<std::string> FromProgram(const Secret& secret,
                                const SecretSources& sources) {
  SubprocessOptions options;
  options.argv = secret.program;
  options.working_dir = sources.directory;
  options.output_limit_bytes = kMaxBytes;
  options.timeout = kProgramTimeout;
  auto ran = RunSubprocess(options, sources.stop);
  if (!ran) return std::move(ran).error();
  if (ran->exit_status != 0) {
    std::string message =
        secret.program[0] + " exited with " + std::to_string(ran->exit_status);
    std::string_view said = Trim(ran->stderr_text);
    if (!said.empty()) message += ": " + std::string(said);
    return Error(ErrorCode::kCommandFailed, message);
  }
  std::string value = std::move(ran->stdout_text);
  if (value.ends_with('\n')) value.pop_back();
  return value;
}

Result<std::string> FromSource(const Secret& secret,
                               const SecretSources& sources) {
  if (!secret.environment.empty()) {
    auto value = sources.environment ? sources.environment(secret.environment)
                                     : std::nullopt;
    if (value) return *value;
    return NotFound("the environment variable " + secret.environment +
                    " is not set");
  }
  if (!secret.path.empty()) {
    std::string path = secret.path.starts_with('/')
                           ? secret.path
                           : sources.directory + "/" + secret.path;
    return ReadFile(path, kMaxBytes);
  }
  if (!secret.program.empty()) return FromProgram(secret, sources);
  return Unsupported(
      "there is no vault here that could be asked; give its "
      "value with --secret id=" +
      secret.id + ",env=VARIABLE or ,src=FILE");
}

}  // namespace

Result<std::string> SecretValue(const Secret& secret,
                                const SecretSources& sources) {
  auto given = sources.given.find(secret.id);
  if (given != sources.given.end()) return given->second;
  auto value = FromSource(secret, sources);
  if (!value) {
    return std::move(value).error().Wrap("secret \"" + secret.id + "\"");
  }
  return value;
}

}  // namespace strake::tasks::file
