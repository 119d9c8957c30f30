// Azure DevOps: learn.microsoft.com, "Service hooks events", the resource
// versions 1.0 of git.push and git.pullrequest.

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
  return ReadRepositories({repository.At("remoteUrl"), repository.At("sshUrl"),
                           repository.At("webUrl")});
}

Result<WebhookDelivery> ReadPush(const JsonField& resource) {
  ASSIGN_OR_RETURN(std::vector<std::string> repositories,
                   Repositories(resource.At("repository")));
  ASSIGN_OR_RETURN(std::string author,
                   resource.At("pushedBy").At("displayName").StringOr(""));
  ASSIGN_OR_RETURN(std::vector<JsonField> updates,
                   resource.At("refUpdates").Array());
  WebhookDelivery delivery;
  for (const JsonField& update : updates) {
    ASSIGN_OR_RETURN(RefChange change,
                     ReadRefChange(update.At("name"), update.At("oldObjectId"),
                                   update.At("newObjectId")));
    auto event = PushOf(change);
    if (!event) {
      delivery.ignored = change.ref + " was deleted, or is no branch or tag";
      continue;
    }
    event->repositories = repositories;
    event->author = author;
    delivery.events.push_back(std::move(*event));
  }
  return delivery;
}

Result<WebhookDelivery> ReadPullRequest(const JsonField& resource) {
  ASSIGN_OR_RETURN(std::string status, resource.At("status").String());
  if (status != "active") {
    return Ignored("the status of the pull request is " +
                   GoQuote(status.substr(0, 64)));
  }
  WebhookEvent event;
  event.kind = EventKind::kPullRequest;
  ASSIGN_OR_RETURN(event.pull_request, resource.At("pullRequestId").Int());
  ASSIGN_OR_RETURN(
      event.commit,
      ReadCommit(resource.At("lastMergeSourceCommit").At("commitId")));
  ASSIGN_OR_RETURN(event.branch, ReadBranch(resource.At("targetRefName")));
  ASSIGN_OR_RETURN(event.head_branch, ReadBranch(resource.At("sourceRefName")));
  event.ref = "refs/pull/" + std::to_string(event.pull_request) + "/merge";
  ASSIGN_OR_RETURN(event.repositories, Repositories(resource.At("repository")));
  event.from_fork = resource.At("forkSource").present();
  ASSIGN_OR_RETURN(event.author,
                   resource.At("createdBy").At("displayName").StringOr(""));
  return WebhookDelivery{{std::move(event)}, "", ""};
}

}  // namespace

Status CheckAzureDevOps(const WebhookRequest& request,
                        const WebhookOptions& options) {
  return CheckAuthorization(request, options, AuthorizationForms::kBasicOnly);
}

Result<WebhookDelivery> ReadAzureDevOps(const WebhookRequest&,
                                        const JsonField& body) {
  ASSIGN_OR_RETURN(std::string type, body.At("eventType").String());
  bool push = type == "git.push";
  if (!push && type != "git.pullrequest.created" &&
      type != "git.pullrequest.updated") {
    return Ignored("the event is " + GoQuote(type.substr(0, 64)) +
                   ", not git.push or git.pullrequest.created or .updated");
  }
  JsonField resource = body.At("resource");
  if (!resource.At("repository").present()) {
    return InvalidArgument(
        "resource.repository: it is missing; choose \"All\" for the resource "
        "details to send in the service hook's settings");
  }
  auto delivery = push ? ReadPush(resource) : ReadPullRequest(resource);
  if (delivery) {
    ASSIGN_OR_RETURN(std::string id, body.At("id").StringOr(""));
    SetDeliveryIds(delivery->events, id);
  }
  return delivery;
}

}  // namespace strake::tasks::trigger
