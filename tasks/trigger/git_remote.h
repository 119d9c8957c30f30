// Watching a git repository that cannot send webhooks: `git ls-remote`.
//
// git is run without a shell, sees no configuration but what is passed here,
// asks nothing at a terminal, and gets credentials through its environment
// only, where other users cannot read them.

#ifndef STRAKE_TASKS_TRIGGER_GIT_REMOTE_H_
#define STRAKE_TASKS_TRIGGER_GIT_REMOTE_H_

#include <chrono>
#include <map>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/trigger/webhook.h"
#include "util/result.h"

namespace strake::tasks::trigger {

struct GitRemoteOptions {
  std::string url;
  // For http(s): a personal access token; may be empty.
  std::string token;
  // "NAME=value": all else that git gets, such as PATH, HOME and SSH_AUTH_SOCK.
  std::vector<std::string> environment;
  std::chrono::milliseconds timeout{60000};
};

// Branches and tags.
struct RemoteRefs {
  std::string default_branch;  // "main"; may be empty
  // By full name. Of an annotated tag, the commit that it is on.
  std::map<std::string, std::string> commits;
};

// What the remote has now. `kNotFound`, `kUnauthorized`, `kUnavailable` with
// git's words, `kUnsupported` (no git on PATH), `kCancelled`,
// `kInvalidArgument` (no address of a repository).
Result<RemoteRefs> ListRemoteRefs(const GitRemoteOptions& options,
                                  std::stop_token stop);

// What `git ls-remote --symref` printed. `kCorrupt` names the line.
Result<RemoteRefs> ParseRemoteRefs(std::string_view listing);

// What a host would have told by webhook between two looks at the repository
// `url`: a push for each branch and tag that is new or has moved. Which paths
// changed is not known. The same change has the same delivery ID.
Result<std::vector<WebhookEvent>> ChangesOf(std::string_view url,
                                            const RemoteRefs& before,
                                            const RemoteRefs& now);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_GIT_REMOTE_H_
