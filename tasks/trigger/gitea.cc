// Gitea and Forgejo: docs.gitea.com and forgejo.org, "Webhooks".

#include <vector>

#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "tasks/trigger/webhook_signature.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

Result<std::vector<std::string>> Repositories(const JsonField& repository) {
  return ReadRepositories({repository.At("clone_url"), repository.At("ssh_url"),
                           repository.At("html_url")});
}

// Older ones call it "username".
Result<std::string> UserName(const JsonField& user) {
  ASSIGN_OR_RETURN(std::string old_name, user.At("username").StringOr(""));
  return user.At("login").StringOr(old_name);
}

Result<WebhookDelivery> ReadPush(const JsonField& body) {
  ASSIGN_OR_RETURN(
      RefChange change,
      ReadRefChange(body.At("ref"), body.At("before"), body.At("after")));
  auto event = PushOf(change);
  if (!event)
    return Ignored(change.ref + " was deleted, or is no branch or tag");
  ASSIGN_OR_RETURN(event->repositories, Repositories(body.At("repository")));
  ASSIGN_OR_RETURN(event->author, UserName(body.At("pusher")));
  ASSIGN_OR_RETURN(const int64_t total, body.At("total_commits").IntOr(-1));
  RETURN_IF_ERROR(AddPathsOfAll(body.At("commits"), total, *event));
  return WebhookDelivery{{std::move(*event)}, "", ""};
}

Result<WebhookDelivery> ReadPullRequest(const JsonField& body) {
  ASSIGN_OR_RETURN(std::string action, body.At("action").String());
  if (action != "opened" && action != "synchronized" && action != "reopened") {
    return Ignored("the action on the pull request is " +
                   GoQuote(action.substr(0, 64)) + ", without a new commit");
  }
  ASSIGN_OR_RETURN(WebhookEvent event, ReadGitHubPullRequest(body));
  ASSIGN_OR_RETURN(event.repositories, Repositories(body.At("repository")));
  ASSIGN_OR_RETURN(event.author, UserName(body.At("pull_request").At("user")));
  return WebhookDelivery{{std::move(event)}, "", ""};
}

}  // namespace

Status CheckGitea(const WebhookRequest& request,
                  const WebhookOptions& options) {
  // A wrong one of Forgejo's is not mended by a right one beside it.
  constexpr std::string_view kForgejo = "X-Forgejo-Signature";
  std::string_view name =
      FindHeader(request, kForgejo) ? kForgejo : "X-Gitea-Signature";
  return CheckBodySignature(request, options, name, "");
}

Result<WebhookDelivery> ReadGitea(const WebhookRequest& request,
                                  const JsonField& body) {
  auto forgejo = FindHeader(request, "X-Forgejo-Event");
  std::string name(forgejo ? *forgejo
                           : FindHeader(request, "X-Gitea-Event").value_or(""));
  return name == "push" ? ReadPush(body)
         : name == "pull_request" || name == "pull_request_sync"
             ? ReadPullRequest(body)
             : Ignored("the event is " + GoQuote(name.substr(0, 64)) +
                       ", not push or pull_request");
}

}  // namespace strake::tasks::trigger
