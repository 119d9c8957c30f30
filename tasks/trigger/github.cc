// GitHub: docs.github.com, "Webhook events and payloads" and "Validating
// webhook deliveries".

#include <array>
#include <vector>

#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "tasks/trigger/webhook_signature.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

// A push tells of no more commits.
constexpr size_t kMaxCommits = 2048;

Result<std::vector<std::string>> Repositories(const JsonField& repository) {
  return ReadRepositories({repository.At("clone_url"), repository.At("ssh_url"),
                           repository.At("git_url"),
                           repository.At("html_url")});
}

Result<WebhookDelivery> ReadPush(const JsonField& body) {
  ASSIGN_OR_RETURN(
      RefChange change,
      ReadRefChange(body.At("ref"), body.At("before"), body.At("after")));
  auto event = PushOf(change);
  if (!event)
    return Ignored(change.ref + " was deleted, or is no branch or tag");
  ASSIGN_OR_RETURN(event->repositories, Repositories(body.At("repository")));
  ASSIGN_OR_RETURN(event->author, body.At("pusher").At("name").StringOr(""));
  ASSIGN_OR_RETURN(const bool forced, body.At("forced").BoolOr(false));
  if (!forced && !event->commit_before.empty() &&
      body.At("commits").present()) {
    ASSIGN_OR_RETURN(std::vector<JsonField> commits,
                     body.At("commits").Array());
    if (!commits.empty() && commits.size() < kMaxCommits) {
      ASSIGN_OR_RETURN(event->changed_paths,
                       ReadCommitPaths(body.At("commits")));
    }
  }
  return WebhookDelivery{{std::move(*event)}, "", ""};
}

Result<WebhookDelivery> ReadPullRequest(const JsonField& body) {
  ASSIGN_OR_RETURN(std::string action, body.At("action").String());
  if (action != "opened" && action != "synchronize" && action != "reopened") {
    return Ignored("the action on the pull request is " +
                   GoQuote(action.substr(0, 64)) + ", without a new commit");
  }
  ASSIGN_OR_RETURN(WebhookEvent event, ReadGitHubPullRequest(body));
  ASSIGN_OR_RETURN(event.repositories, Repositories(body.At("repository")));
  ASSIGN_OR_RETURN(event.author,
                   body.At("pull_request").At("user").At("login").StringOr(""));
  return WebhookDelivery{{std::move(event)}, "", ""};
}

}  // namespace

Status CheckGitHub(const WebhookRequest& request,
                   const WebhookOptions& options) {
  constexpr std::string_view kHeader = "X-Hub-Signature-256";
  if (!FindHeader(request, kHeader) && FindHeader(request, "X-Hub-Signature")) {
    return Error(ErrorCode::kUnauthorized,
                 "only X-Hub-Signature is there, a SHA-1 that is not accepted; "
                 "expected X-Hub-Signature-256, as GitHub and GitHub "
                 "Enterprise Server since 2.22 send it");
  }
  return CheckBodySignature(request, options, kHeader, "sha256=");
}

Result<WebhookDelivery> ReadGitHub(const WebhookRequest& request,
                                   const JsonField& body) {
  std::string name(FindHeader(request, "X-GitHub-Event").value_or(""));
  return name == "push" ? ReadPush(body)
         : name == "pull_request"
             ? ReadPullRequest(body)
             : Ignored("the event is " + GoQuote(name.substr(0, 64)) +
                       ", not push or pull_request");
}

}  // namespace strake::tasks::trigger
