#include "tasks/trigger/git_remote.h"

#include <utility>

#include "oci/digest.h"
#include "tasks/trigger/repository_url.h"
#include "tasks/trigger/webhook_body.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/subprocess.h"

namespace strake::tasks::trigger {
namespace {

bool IsHttp(std::string_view url) {
  std::string start = ToLower(url.substr(0, 8));
  return start.starts_with("http://") || start.starts_with("https://");
}

// The environment of git: no configuration of the machine or the user, and
// only transports that are of the network or a folder.
std::vector<std::string> Environment(const GitRemoteOptions& options) {
  std::vector<std::string> environment = options.environment;
  environment.insert(environment.end(),
                     {"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
                      "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=true", "LC_ALL=C",
                      "GIT_ALLOW_PROTOCOL=http:https:ssh:git:file",
                      "GIT_SSH_COMMAND=ssh -o BatchMode=yes -o "
                      "StrictHostKeyChecking=accept-new"});
  std::vector<std::pair<std::string, std::string>> settings = {
      // A folder of another user's is only read.
      {"safe.directory", "*"}};
  if (!options.token.empty() && IsHttp(options.url)) {
    size_t path = options.url.find('/', options.url.find("://") + 3);
    std::string host = options.url.substr(0, path) + "/";
    settings.emplace_back("http." + host + ".extraheader",
                          "Authorization: basic " +
                              Base64Encode("x-access-token:" + options.token));
  }
  for (size_t i = 0; i < settings.size(); ++i) {
    std::string number = std::to_string(i);
    environment.push_back("GIT_CONFIG_KEY_" + number + "=" + settings[i].first);
    environment.push_back("GIT_CONFIG_VALUE_" + number + "=" +
                          settings[i].second);
  }
  environment.push_back("GIT_CONFIG_COUNT=" + std::to_string(settings.size()));
  return environment;
}

Error Failure(std::string_view repository, const SubprocessResult& result) {
  std::string words(Trim(result.stderr_text));
  auto says = [&](std::string_view text) {
    return words.find(text) != std::string::npos;
  };
  ErrorCode code = ErrorCode::kUnavailable;
  if (says("not found") || says("does not exist") ||
      says("does not appear to be a git repository")) {
    code = ErrorCode::kNotFound;
  } else if (says("Authentication failed") || says("could not read Username") ||
             says("Permission denied")) {
    code = ErrorCode::kUnauthorized;
  }
  return Error(code, "git ls-remote of " + std::string(repository) + ": " +
                         words.substr(0, 2000));
}

bool IsCommitName(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// "<commit>\t<name>", or "ref: <name>\tHEAD".
Status ReadLine(std::string_view line, RemoteRefs& refs) {
  constexpr std::string_view kPointer = "ref: refs/heads/";
  auto columns = SplitOnce(line, '\t');
  if (columns && columns->first.starts_with(kPointer)) {
    if (columns->second == "HEAD") {
      refs.default_branch = columns->first.substr(kPointer.size());
    }
    return {};
  }
  if (!columns || !IsCommitName(columns->first)) {
    return Corrupt("git ls-remote printed " + GoQuote(line.substr(0, 200)) +
                   ", which is no commit and ref");
  }
  std::string_view name = columns->second;
  // A tag's object stands before the commit that it is on.
  if (name.ends_with("^{}")) name.remove_suffix(3);
  if (!name.starts_with("refs/heads/") && !name.starts_with("refs/tags/")) {
    return {};
  }
  if (!IsRefName(name)) {
    return Corrupt("git ls-remote printed the ref " +
                   GoQuote(name.substr(0, 200)) + ", which is no name of one");
  }
  refs.commits[std::string(name)] = columns->first;
  return {};
}

}  // namespace

Result<RemoteRefs> ParseRemoteRefs(std::string_view listing) {
  RemoteRefs refs;
  for (std::string_view line : Split(listing, '\n')) {
    if (!line.empty()) RETURN_IF_ERROR(ReadLine(line, refs));
  }
  return refs;
}

Result<RemoteRefs> ListRemoteRefs(const GitRemoteOptions& options,
                                  std::stop_token stop) {
  ASSIGN_OR_RETURN(std::string repository, CanonicalRepository(options.url));
  SubprocessOptions git;
  git.argv = {"git",       "ls-remote", "--symref",     "--",
              options.url, "HEAD",      "refs/heads/*", "refs/tags/*"};
  git.env = Environment(options);
  git.timeout = options.timeout;
  auto result = RunSubprocess(git, std::move(stop));
  if (!result) {
    if (result.error().code() == ErrorCode::kNotFound) {
      return Unsupported(
          "watching a repository needs the program git, which is not on PATH: "
          "install the package git");
    }
    return result.error().Wrap("git ls-remote of " + repository);
  }
  if (result->exit_status != 0) return Failure(repository, *result);
  return ParseRemoteRefs(result->stdout_text);
}

Result<std::vector<WebhookEvent>> ChangesOf(std::string_view url,
                                            const RemoteRefs& before,
                                            const RemoteRefs& now) {
  ASSIGN_OR_RETURN(std::string repository, CanonicalRepository(url));
  std::vector<WebhookEvent> events;
  for (const auto& [name, commit] : now.commits) {
    auto old = before.commits.find(name);
    std::string old_commit = old == before.commits.end() ? "" : old->second;
    if (old_commit == commit) continue;
    auto event = PushOf({name, old_commit, commit});
    if (!event) continue;
    event->repositories = {repository};
    std::string change = repository;
    for (const std::string& part : {name, old_commit, commit}) {
      change += "\n" + part;
    }
    event->delivery_id = "poll:" + oci::Digest::Of(change).ToString();
    events.push_back(std::move(*event));
  }
  return events;
}

}  // namespace strake::tasks::trigger
