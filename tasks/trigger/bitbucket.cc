// Bitbucket Cloud and Bitbucket Server or Data Center, which sign alike and
// call their events otherwise: Atlassian's "Event payloads" of each.

#include <vector>

#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "tasks/trigger/webhook_signature.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

constexpr std::string_view kDeleted =
    "what was pushed was deleted, or is neither a branch nor a tag";

// A branch or tag as Cloud has it; a ref with no commit where it is null.
Status ReadCloudTarget(const JsonField& target, std::string& ref,
                       std::string& commit) {
  if (!target.present()) return {};
  ASSIGN_OR_RETURN(std::string type, target.At("type").String());
  ASSIGN_OR_RETURN(std::string name, ReadBranch(target.At("name")));
  bool tag = type == "tag" || type == "annotated_tag";
  ref = (tag                ? "refs/tags/"
         : type == "branch" ? "refs/heads/"
                            : "refs/x/") +
        name;
  ASSIGN_OR_RETURN(commit, ReadCommit(target.At("target").At("hash")));
  return {};
}

Result<WebhookDelivery> ReadCloudPush(const JsonField& body) {
  ASSIGN_OR_RETURN(
      std::vector<std::string> repositories,
      ReadRepositories(
          {body.At("repository").At("links").At("html").At("href")}));
  ASSIGN_OR_RETURN(std::string author,
                   body.At("actor").At("nickname").StringOr(""));
  ASSIGN_OR_RETURN(std::vector<JsonField> changes,
                   body.At("push").At("changes").Array());
  WebhookDelivery delivery;
  for (const JsonField& field : changes) {
    RefChange change;
    RETURN_IF_ERROR(
        ReadCloudTarget(field.At("old"), change.ref, change.before));
    RETURN_IF_ERROR(ReadCloudTarget(field.At("new"), change.ref, change.after));
    if (change.ref.empty()) {
      return InvalidArgument(field.path() + ": expected a change of a ref");
    }
    auto event = PushOf(change);
    if (!event) {
      delivery.ignored = kDeleted;
      continue;
    }
    event->repositories = repositories;
    event->author = author;
    delivery.events.push_back(std::move(*event));
  }
  return delivery;
}

Result<WebhookDelivery> ReadCloudPullRequest(const JsonField& body) {
  JsonField request = body.At("pullrequest");
  JsonField source = request.At("source");
  JsonField target = request.At("destination");
  WebhookEvent event;
  event.kind = EventKind::kPullRequest;
  ASSIGN_OR_RETURN(event.pull_request, request.At("id").Int());
  ASSIGN_OR_RETURN(event.commit, ReadCommit(source.At("commit").At("hash"),
                                            CommitLength::kShortened));
  ASSIGN_OR_RETURN(event.branch, ReadBranch(target.At("branch").At("name")));
  ASSIGN_OR_RETURN(event.head_branch,
                   ReadBranch(source.At("branch").At("name")));
  event.ref = "refs/heads/" + event.head_branch;
  ASSIGN_OR_RETURN(
      event.repositories,
      ReadRepositories(
          {body.At("repository").At("links").At("html").At("href")}));
  ASSIGN_OR_RETURN(std::string ours,
                   target.At("repository").At("full_name").String());
  ASSIGN_OR_RETURN(std::string theirs,
                   source.At("repository").At("full_name").StringOr(""));
  event.from_fork = !EqualsIgnoreCase(ours, theirs);
  ASSIGN_OR_RETURN(event.author, body.At("actor").At("nickname").StringOr(""));
  return WebhookDelivery{{std::move(event)}, "", ""};
}

Result<std::vector<std::string>> ServerRepositories(
    const JsonField& repository) {
  std::vector<JsonField> urls;
  ASSIGN_OR_RETURN(std::vector<JsonField> clones,
                   repository.At("links").At("clone").Array());
  for (const JsonField& clone : clones) urls.push_back(clone.At("href"));
  if (urls.empty()) {
    return InvalidArgument(
        "repository.links.clone: expected the addresses to clone from");
  }
  return ReadRepositories(urls);
}

Result<WebhookDelivery> ReadServerPush(const JsonField& body) {
  ASSIGN_OR_RETURN(std::vector<std::string> repositories,
                   ServerRepositories(body.At("repository")));
  ASSIGN_OR_RETURN(std::string author,
                   body.At("actor").At("name").StringOr(""));
  ASSIGN_OR_RETURN(std::vector<JsonField> changes, body.At("changes").Array());
  WebhookDelivery delivery;
  for (const JsonField& field : changes) {
    ASSIGN_OR_RETURN(RefChange change,
                     ReadRefChange(field.At("ref").At("id"),
                                   field.At("fromHash"), field.At("toHash")));
    auto event = PushOf(change);
    if (!event) {
      delivery.ignored = kDeleted;
      continue;
    }
    event->repositories = repositories;
    event->author = author;
    delivery.events.push_back(std::move(*event));
  }
  return delivery;
}

Result<WebhookDelivery> ReadServerPullRequest(const JsonField& body) {
  JsonField request = body.At("pullRequest");
  JsonField source = request.At("fromRef");
  JsonField target = request.At("toRef");
  WebhookEvent event;
  event.kind = EventKind::kPullRequest;
  ASSIGN_OR_RETURN(event.pull_request, request.At("id").Int());
  ASSIGN_OR_RETURN(event.commit, ReadCommit(source.At("latestCommit")));
  ASSIGN_OR_RETURN(event.branch, ReadBranch(target.At("id")));
  ASSIGN_OR_RETURN(event.head_branch, ReadBranch(source.At("id")));
  event.ref =
      "refs/pull-requests/" + std::to_string(event.pull_request) + "/from";
  ASSIGN_OR_RETURN(event.repositories,
                   ServerRepositories(target.At("repository")));
  ASSIGN_OR_RETURN(const int64_t ours, target.At("repository").At("id").Int());
  ASSIGN_OR_RETURN(const int64_t theirs,
                   source.At("repository").At("id").IntOr(-1));
  event.from_fork = ours != theirs;
  ASSIGN_OR_RETURN(event.author, body.At("actor").At("name").StringOr(""));
  return WebhookDelivery{{std::move(event)}, "", ""};
}

Result<WebhookDelivery> ReadEvent(std::string_view key, const JsonField& body) {
  if (key == "repo:push") return ReadCloudPush(body);
  if (key == "pullrequest:created" || key == "pullrequest:updated") {
    return ReadCloudPullRequest(body);
  }
  if (key == "repo:refs_changed") return ReadServerPush(body);
  if (key == "pr:opened" || key == "pr:from_ref_updated" ||
      key == "pr:reopened") {
    return ReadServerPullRequest(body);
  }
  return Ignored("the event is " + GoQuote(key.substr(0, 64)) +
                 ", not a push or a new state of a pull request");
}

}  // namespace

Status CheckBitbucket(const WebhookRequest& request,
                      const WebhookOptions& options) {
  return CheckBodySignature(request, options, "X-Hub-Signature", "sha256=");
}

Result<WebhookDelivery> ReadBitbucket(const WebhookRequest& request,
                                      const JsonField& body) {
  return ReadEvent(FindHeader(request, "X-Event-Key").value_or(""), body);
}

}  // namespace strake::tasks::trigger
