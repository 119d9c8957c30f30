#include "registry/credential_helper.h"

#include <algorithm>
#include <chrono>

#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/subprocess.h"

namespace strake::registry {
namespace {

// The user name that marks a secret as an identity token.
constexpr std::string_view kTokenUser = "<token>";
// Helpers may ask at the terminal; a forgotten one must not hang a build.
constexpr std::chrono::minutes kHelperTimeout{5};

Result<SubprocessResult> RunHelper(const std::string& helper,
                                   const std::string& verb,
                                   const std::string& input,
                                   std::stop_token stop) {
  bool safe = !helper.empty() && std::ranges::none_of(helper, [](char c) {
    return c == '/' || c == '\0';
  });
  if (!safe) {
    return InvalidArgument("credential helper " + GoQuote(helper) +
                           ": not a helper's name");
  }
  SubprocessOptions options;
  options.argv = {"docker-credential-" + helper, verb};
  options.stdin_text = input;
  options.output_limit_bytes = uint64_t{1} << 20;
  options.timeout = kHelperTimeout;
  auto result = RunSubprocess(options, stop);
  if (!result) return std::move(result).error().Wrap("credential helper");
  return result;
}

// Helpers report this case in words only.
bool SaysNotFound(const SubprocessResult& result) {
  return ToLower(result.stdout_text + result.stderr_text)
             .find("credentials not found") != std::string::npos;
}

Error HelperFailed(const std::string& helper, const std::string& verb,
                   const std::string& server, const SubprocessResult& result) {
  std::string said(Trim(result.stderr_text));
  if (said.empty()) said = Trim(result.stdout_text);
  std::string text = "docker-credential-" + helper + " " + verb + " for " +
                     server + " failed with status " +
                     std::to_string(result.exit_status);
  if (!said.empty()) text += ": " + said.substr(0, 300);
  return Error(ErrorCode::kUnauthorized, std::move(text));
}

}  // namespace

Result<std::optional<Credential>> GetFromHelper(const std::string& helper,
                                                const std::string& server,
                                                std::stop_token stop) {
  using Maybe = std::optional<Credential>;
  ASSIGN_OR_RETURN(SubprocessResult result,
                   RunHelper(helper, "get", server, stop));
  if (result.exit_status != 0) {
    if (SaysNotFound(result)) return Maybe();
    return HelperFailed(helper, "get", server, result);
  }
  auto read = [&]() -> Result<Maybe> {
    ASSIGN_OR_RETURN(nlohmann::json document, ParseJson(result.stdout_text));
    JsonField root(document);
    Credential credential;
    ASSIGN_OR_RETURN(credential.username, root.At("Username").StringOr(""));
    ASSIGN_OR_RETURN(std::string secret, root.At("Secret").String());
    if (credential.username == kTokenUser) {
      credential.username.clear();
      credential.identity_token = std::move(secret);
    } else {
      credential.password = std::move(secret);
    }
    return Maybe(std::move(credential));
  };
  auto credential = read();
  if (!credential) {
    return std::move(credential)
        .error()
        .Wrap("answer of docker-credential-" + helper);
  }
  return credential;
}

Status StoreInHelper(const std::string& helper, const std::string& server,
                     const Credential& credential) {
  bool token = !credential.identity_token.empty();
  nlohmann::json entry;
  entry["ServerURL"] = server;
  entry["Username"] = token ? std::string(kTokenUser) : credential.username;
  entry["Secret"] = token ? credential.identity_token : credential.password;
  ASSIGN_OR_RETURN(SubprocessResult result,
                   RunHelper(helper, "store", DumpJson(entry), {}));
  if (result.exit_status != 0) {
    return HelperFailed(helper, "store", server, result);
  }
  return {};
}

Result<bool> EraseInHelper(const std::string& helper,
                           const std::string& server) {
  ASSIGN_OR_RETURN(SubprocessResult result,
                   RunHelper(helper, "erase", server, {}));
  if (result.exit_status == 0) return true;
  if (SaysNotFound(result)) return false;
  return HelperFailed(helper, "erase", server, result);
}

}  // namespace strake::registry
