// For senders that one writes oneself:
//
//   X-Strake-Timestamp: 1790000000            seconds since 1970
//   X-Strake-Signature: sha256=<hexadecimal>  HMAC-SHA256 with the secret over
//                                             "<timestamp>.<body>"
//
//   {"event": "push", "repository": "https://host/path", "ref":
//    "refs/heads/main", "commit": "<new>", "before": "<old>", "author": "...",
//    "paths": ["all", "that", "changed"]}           before, author, paths: may
//                                                   be left out
//   {"event": "pullrequest", "repository": ..., "number": 7, "branch": "main",
//    "head": "topic", "commit": ..., "fork": false, "author": ...}
//   {"event": "image", "image": "registry/repository:tag@sha256:..."}
//   {"event": "ping"}
//
// Any may have an "id", the same when it is sent again.

#include <algorithm>
#include <array>
#include <span>

#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "tasks/trigger/webhook_signature.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

constexpr std::string_view kTimestamp = "X-Strake-Timestamp";
constexpr std::string_view kSignature = "X-Strake-Signature";

Result<WebhookEvent> ReadPush(const JsonField& body) {
  RefChange change;
  ASSIGN_OR_RETURN(change.ref, body.At("ref").String());
  if (!IsRefName(change.ref)) {
    return InvalidArgument("ref: expected the full name of a ref");
  }
  ASSIGN_OR_RETURN(change.after, ReadCommit(body.At("commit")));
  if (body.At("before").present()) {
    ASSIGN_OR_RETURN(change.before, ReadCommit(body.At("before")));
  }
  auto event = PushOf(change);
  if (!event) {
    return InvalidArgument(
        "ref and commit: expected a branch or tag and a commit it is at");
  }
  if (body.At("paths").present()) {
    ASSIGN_OR_RETURN(event->changed_paths, body.At("paths").Strings());
    std::sort(event->changed_paths->begin(), event->changed_paths->end());
  }
  return *event;
}

Result<WebhookEvent> ReadPullRequest(const JsonField& body) {
  WebhookEvent event;
  event.kind = EventKind::kPullRequest;
  ASSIGN_OR_RETURN(event.pull_request, body.At("number").Int());
  ASSIGN_OR_RETURN(event.commit, ReadCommit(body.At("commit")));
  ASSIGN_OR_RETURN(event.branch, ReadBranch(body.At("branch")));
  ASSIGN_OR_RETURN(event.head_branch, ReadBranch(body.At("head")));
  event.ref = "refs/pull/" + std::to_string(event.pull_request) + "/head";
  // Who does not say gets less.
  ASSIGN_OR_RETURN(event.from_fork, body.At("fork").BoolOr(true));
  return event;
}

Result<WebhookEvent> ReadGitEvent(std::string_view name,
                                  const JsonField& body) {
  auto event = name == "push" ? ReadPush(body) : ReadPullRequest(body);
  if (!event) return event;
  ASSIGN_OR_RETURN(event->repositories,
                   ReadRepositories({body.At("repository")}));
  ASSIGN_OR_RETURN(event->author, body.At("author").StringOr(""));
  return event;
}

Result<WebhookEvent> ReadEvent(std::string_view name, const JsonField& body) {
  if (name == "push" || name == "pullrequest") return ReadGitEvent(name, body);
  ASSIGN_OR_RETURN(std::string image, body.At("image").String());
  return ImagePush(image);
}

}  // namespace

Status CheckGeneric(const WebhookRequest& request,
                    const WebhookOptions& options) {
  RETURN_IF_ERROR(CheckTimestamp(request, options, kTimestamp));
  auto header = FindHeader(request, kSignature);
  if (!header) {
    return Error(ErrorCode::kUnauthorized,
                 "the header X-Strake-Signature is missing");
  }
  std::string mac = HmacSha256(
      options.secret, {*FindHeader(request, kTimestamp), ".", request.body});
  if (SecretsEqual(*header,
                   "sha256=" + HexEncode(std::as_bytes(std::span(mac))))) {
    return {};
  }
  return Error(ErrorCode::kUnauthorized,
               "the header X-Strake-Signature is not \"sha256=\" with the "
               "HMAC-SHA256 of \"<X-Strake-Timestamp>.<body>\"");
}

Result<WebhookDelivery> ReadGeneric(const WebhookRequest& request,
                                    const JsonField& body) {
  ASSIGN_OR_RETURN(std::string name, body.At("event").String());
  if (name == "ping") return Ignored("the event is a ping");
  if (name != "push" && name != "pullrequest" && name != "image") {
    return InvalidArgument("event: " + GoQuote(name.substr(0, 64)) +
                           " is not push, pullrequest, image or ping");
  }
  ASSIGN_OR_RETURN(WebhookEvent event, ReadEvent(name, body));
  WebhookDelivery delivery;
  delivery.events.push_back(std::move(event));
  std::string signature(FindHeader(request, kSignature).value_or(""));
  ASSIGN_OR_RETURN(std::string id, body.At("id").StringOr(signature));
  SetDeliveryIds(delivery.events, id);
  return delivery;
}

}  // namespace strake::tasks::trigger
