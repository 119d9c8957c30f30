// GitLab: docs.gitlab.com, "Webhooks" and "Webhook events". Its signing tokens
// follow the Standard Webhooks specification.

#include <vector>

#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "tasks/trigger/webhook_signature.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

constexpr std::string_view kSigned = "webhook-signature";
constexpr std::string_view kToken = "X-Gitlab-Token";

Error Unauthorized(std::string message) {
  return Error(ErrorCode::kUnauthorized, std::move(message));
}

Status CheckSigned(const WebhookRequest& request, const WebhookOptions& options,
                   std::string_view header) {
  RETURN_IF_ERROR(CheckTimestamp(request, options, "webhook-timestamp"));
  auto id = FindHeader(request, "webhook-id");
  if (!id) return Unauthorized("the header webhook-id is missing");
  auto key = Base64Decode(std::string_view(options.secret).substr(6));
  if (!key || key->empty()) {
    return Unauthorized(
        "the secret set here starts with whsec_ but is no signing token: "
        "Base64 follows in one");
  }
  std::string expected =
      "v1," + Base64Encode(HmacSha256(
                  *key, {*id, ".", *FindHeader(request, "webhook-timestamp"),
                         ".", request.body}));
  bool equal = false;
  for (std::string_view one : Split(header, ' ')) {
    // Not left early: what it takes tells nothing.
    equal = SecretsEqual(one, expected) || equal;
  }
  if (equal) return {};
  return Unauthorized(
      "no part of the header webhook-signature is \"v1,\" with the HMAC-SHA256 "
      "of id, time and body: the signing token here and at GitLab differ, or "
      "the body was changed");
}

Result<std::vector<std::string>> Repositories(const JsonField& project) {
  return ReadRepositories({project.At("git_http_url"),
                           project.At("git_ssh_url"), project.At("web_url")});
}

Result<WebhookDelivery> ReadPush(const JsonField& body) {
  ASSIGN_OR_RETURN(
      RefChange change,
      ReadRefChange(body.At("ref"), body.At("before"), body.At("after")));
  auto event = PushOf(change);
  if (!event)
    return Ignored(change.ref + " was deleted, or is no branch or tag");
  ASSIGN_OR_RETURN(event->repositories, Repositories(body.At("project")));
  ASSIGN_OR_RETURN(event->author, body.At("user_username").StringOr(""));
  // At most 20 commits are in a body.
  ASSIGN_OR_RETURN(const int64_t total,
                   body.At("total_commits_count").IntOr(-1));
  RETURN_IF_ERROR(AddPathsOfAll(body.At("commits"), total, *event));
  return WebhookDelivery{{std::move(*event)}, "", ""};
}

Result<WebhookDelivery> ReadMergeRequest(const JsonField& body) {
  JsonField request = body.At("object_attributes");
  ASSIGN_OR_RETURN(std::string action, request.At("action").StringOr(""));
  // Only an update by a push has what was there before.
  bool pushed = action == "update" && request.At("oldrev").present();
  if (action != "open" && action != "reopen" && !pushed) {
    return Ignored("the action on the merge request is " +
                   GoQuote(action.substr(0, 64)) + ", without a new commit");
  }
  WebhookEvent event;
  event.kind = EventKind::kPullRequest;
  ASSIGN_OR_RETURN(event.pull_request, request.At("iid").Int());
  ASSIGN_OR_RETURN(event.commit,
                   ReadCommit(request.At("last_commit").At("id")));
  ASSIGN_OR_RETURN(event.branch, ReadBranch(request.At("target_branch")));
  ASSIGN_OR_RETURN(event.head_branch, ReadBranch(request.At("source_branch")));
  event.ref =
      "refs/merge-requests/" + std::to_string(event.pull_request) + "/head";
  ASSIGN_OR_RETURN(event.repositories, Repositories(body.At("project")));
  ASSIGN_OR_RETURN(const int64_t ours, request.At("target_project_id").Int());
  ASSIGN_OR_RETURN(const int64_t theirs,
                   request.At("source_project_id").IntOr(-1));
  event.from_fork = ours != theirs;
  ASSIGN_OR_RETURN(event.author, body.At("user").At("username").StringOr(""));
  return WebhookDelivery{{std::move(event)}, "", ""};
}

}  // namespace

Status CheckGitLab(const WebhookRequest& request,
                   const WebhookOptions& options) {
  // Which of the two is decided by what is set here, so that a sender cannot
  // choose the weaker.
  if (options.secret.starts_with("whsec_")) {
    auto header = FindHeader(request, kSigned);
    if (header) return CheckSigned(request, options, *header);
    return Unauthorized(
        "the header webhook-signature is missing: set the signing token in "
        "the webhook's settings at GitLab, or its secret token here");
  }
  auto token = FindHeader(request, kToken);
  if (!token) {
    return Unauthorized(
        "the header X-Gitlab-Token is missing: set the secret token in the "
        "webhook's settings at GitLab");
  }
  if (SecretsEqual(*token, options.secret)) return {};
  return Unauthorized(
      "the header X-Gitlab-Token is not the secret that is set here");
}

Result<WebhookDelivery> ReadGitLab(const WebhookRequest& request,
                                   const JsonField& body) {
  ASSIGN_OR_RETURN(std::string kind, body.At("object_kind").StringOr(""));
  Result<WebhookDelivery> delivery =
      kind == "push" || kind == "tag_push" ? ReadPush(body)
      : kind == "merge_request"
          ? ReadMergeRequest(body)
          : Ignored("the event is " + GoQuote(kind.substr(0, 64)) +
                    ", not push, tag_push or merge_request");
  if (delivery) {
    // The first is signed with the body, where anything is.
    SetDeliveryIds(
        delivery->events,
        FindHeader(request, "webhook-id")
            .value_or(FindHeader(request, "Idempotency-Key").value_or("")));
  }
  return delivery;
}

}  // namespace strake::tasks::trigger
