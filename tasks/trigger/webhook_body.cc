#include "tasks/trigger/webhook_body.h"

#include <algorithm>
#include <set>
#include <utility>

#include "oci/reference.h"
#include "tasks/trigger/repository_url.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

constexpr std::string_view kBranches = "refs/heads/";
constexpr std::string_view kTags = "refs/tags/";

bool IsRefComponent(std::string_view text) {
  return !text.empty() && !text.starts_with('.') && !text.starts_with('-') &&
         !text.ends_with(".lock");
}

bool IsCommit(std::string_view text, CommitLength length) {
  bool sized = text.size() == 40 || text.size() == 64 ||
               (length == CommitLength::kShortened && text.size() >= 7 &&
                text.size() < 64);
  return sized &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

Error Wrong(const JsonField& field, std::string_view expected) {
  return InvalidArgument(field.path() + ": expected " + std::string(expected));
}

}  // namespace

// git-check-ref-format(1).
bool IsRefName(std::string_view text) {
  if (!text.starts_with("refs/") || text.size() > 1024) return false;
  if (text.ends_with('.') || text.find("..") != std::string_view::npos ||
      text.find("@{") != std::string_view::npos) {
    return false;
  }
  bool characters = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '~' ||
           c == '^' || c == ':' || c == '?' || c == '*' || c == '[' ||
           c == '\\';
  });
  std::vector<std::string_view> parts = Split(text, '/');
  return characters && parts.size() >= 2 &&
         std::all_of(parts.begin(), parts.end(), IsRefComponent);
}

bool IsNoCommit(std::string_view text) {
  return text.find_first_not_of('0') == std::string_view::npos;
}

Result<std::string> ReadCommit(const JsonField& field, CommitLength length) {
  ASSIGN_OR_RETURN(std::string commit, field.String());
  if (IsCommit(commit, length)) return commit;
  return Wrong(field, "the name of a commit, 40 or 64 hexadecimal digits");
}

Result<std::string> ReadBranch(const JsonField& field) {
  ASSIGN_OR_RETURN(std::string branch, field.String());
  if (branch.starts_with(kBranches)) branch.erase(0, kBranches.size());
  if (IsRefName(std::string(kBranches) + branch)) return branch;
  return Wrong(field, "the name of a branch");
}

std::optional<WebhookEvent> PushOf(const RefChange& change) {
  if (IsNoCommit(change.after)) return std::nullopt;
  WebhookEvent event;
  if (change.ref.starts_with(kBranches)) {
    event.kind = EventKind::kPush;
    event.branch = change.ref.substr(kBranches.size());
  } else if (change.ref.starts_with(kTags)) {
    event.kind = EventKind::kTagPush;
    event.tag = change.ref.substr(kTags.size());
  } else {
    return std::nullopt;
  }
  event.ref = change.ref;
  event.commit = change.after;
  if (!IsNoCommit(change.before)) event.commit_before = change.before;
  return event;
}

Result<RefChange> ReadRefChange(const JsonField& ref, const JsonField& before,
                                const JsonField& after) {
  RefChange change;
  ASSIGN_OR_RETURN(change.ref, ref.String());
  if (!IsRefName(change.ref)) return Wrong(ref, "the full name of a ref");
  ASSIGN_OR_RETURN(change.before, ReadCommit(before));
  ASSIGN_OR_RETURN(change.after, ReadCommit(after));
  return change;
}

Result<std::vector<std::string>> ReadRepositories(
    const std::vector<JsonField>& fields) {
  std::set<std::string> found;
  for (const JsonField& field : fields) {
    ASSIGN_OR_RETURN(std::string url, field.StringOr(""));
    auto canonical = CanonicalRepository(url);
    if (canonical) found.insert(*canonical);
  }
  if (found.empty()) {
    return InvalidArgument(fields.front().path() +
                           ": expected the address of a repository");
  }
  return std::vector<std::string>(found.begin(), found.end());
}

Result<std::vector<std::string>> ReadCommitPaths(const JsonField& commits) {
  std::set<std::string> paths;
  ASSIGN_OR_RETURN(std::vector<JsonField> list, commits.Array());
  for (const JsonField& commit : list) {
    for (std::string_view key : {"added", "modified", "removed"}) {
      ASSIGN_OR_RETURN(std::vector<std::string> some,
                       commit.At(key).StringsOr({}));
      paths.insert(some.begin(), some.end());
    }
  }
  return std::vector<std::string>(paths.begin(), paths.end());
}

Status AddPathsOfAll(const JsonField& commits, int64_t total,
                     WebhookEvent& event) {
  if (total <= 0 || event.commit_before.empty() || !commits.present())
    return {};
  ASSIGN_OR_RETURN(std::vector<JsonField> listed, commits.Array());
  if (listed.size() != static_cast<size_t>(total)) return {};
  ASSIGN_OR_RETURN(event.changed_paths, ReadCommitPaths(commits));
  return {};
}

Result<WebhookEvent> ReadGitHubPullRequest(const JsonField& body) {
  JsonField request = body.At("pull_request");
  JsonField head = request.At("head");
  JsonField base = request.At("base");
  WebhookEvent event;
  event.kind = EventKind::kPullRequest;
  ASSIGN_OR_RETURN(event.pull_request, body.At("number").Int());
  ASSIGN_OR_RETURN(event.commit, ReadCommit(head.At("sha")));
  ASSIGN_OR_RETURN(event.commit_before, ReadCommit(base.At("sha")));
  ASSIGN_OR_RETURN(event.branch, ReadBranch(base.At("ref")));
  ASSIGN_OR_RETURN(event.head_branch, ReadBranch(head.At("ref")));
  event.ref = "refs/pull/" + std::to_string(event.pull_request) + "/head";
  ASSIGN_OR_RETURN(std::string ours,
                   body.At("repository").At("full_name").String());
  // Null where the fork was deleted since.
  ASSIGN_OR_RETURN(std::string theirs,
                   head.At("repo").At("full_name").StringOr(""));
  event.from_fork = !EqualsIgnoreCase(ours, theirs);
  return event;
}

Result<WebhookEvent> ImagePush(std::string_view reference) {
  ASSIGN_OR_RETURN(oci::Reference image, oci::ParseReference(reference));
  WebhookEvent event;
  event.kind = EventKind::kImagePush;
  event.registry = image.registry;
  event.repository = image.repository;
  event.tag = image.tag;
  if (image.digest) event.digest = image.digest->ToString();
  return event;
}

void SetDeliveryIds(std::vector<WebhookEvent>& events, std::string_view id) {
  id = id.substr(0, kMaxDeliveryId);
  for (size_t i = 0; i < events.size() && !id.empty(); ++i) {
    events[i].delivery_id = std::string(id);
    if (events.size() > 1) events[i].delivery_id += "#" + std::to_string(i);
  }
}

WebhookDelivery Ignored(std::string why) {
  WebhookDelivery delivery;
  delivery.ignored = std::move(why);
  return delivery;
}

}  // namespace strake::tasks::trigger
