// What the bodies of several hosts have in common. Errors are
// `kInvalidArgument` and name the place in the body.

#ifndef STRAKE_TASKS_TRIGGER_WEBHOOK_BODY_H_
#define STRAKE_TASKS_TRIGGER_WEBHOOK_BODY_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/trigger/webhook.h"
#include "util/result.h"

namespace strake {
class JsonField;
}  // namespace strake

namespace strake::tasks::trigger {

// Whether git would take it as the name of a ref, "refs/..." in full.
bool IsRefName(std::string_view text);
// Only zeros: what hosts send for a ref that is not there.
bool IsNoCommit(std::string_view text);

// Hexadecimal, 40 or 64 digits; or 7 and more where `shortened` allows it.
enum class CommitLength { kFull, kShortened };
Result<std::string> ReadCommit(const JsonField& field,
                               CommitLength length = CommitLength::kFull);
// A branch's name, without "refs/heads/".
Result<std::string> ReadBranch(const JsonField& field);

// A push that set `ref` from one commit to another; nothing where it was
// deleted, or is neither a branch nor a tag.
struct RefChange {
  std::string ref;
  std::string before;
  std::string after;
};
std::optional<WebhookEvent> PushOf(const RefChange& change);
// The fields as most hosts send them: a ref's full name and full commits.
Result<RefChange> ReadRefChange(const JsonField& ref, const JsonField& before,
                                const JsonField& after);

// The canonical addresses among `fields`, sorted; those that are absent or no
// addresses are left out, none at all is an error.
Result<std::vector<std::string>> ReadRepositories(
    const std::vector<JsonField>& fields);

// All of `added`, `modified` and `removed` of the commits of a push, sorted.
Result<std::vector<std::string>> ReadCommitPaths(const JsonField& commits);

// Gives `event` the paths of a push's commits, where the body has all `total`
// of them; -1: their number is not known.
Status AddPathsOfAll(const JsonField& commits, int64_t total,
                     WebhookEvent& event);

// The pull request of a body in GitHub's shape, which Gitea has, too: all but
// its repositories and its author.
Result<WebhookEvent> ReadGitHubPullRequest(const JsonField& body);

// "registry/repository[:tag][@digest]" as an event.
Result<WebhookEvent> ImagePush(std::string_view reference);

// No host's names of deliveries are longer; they become keys of records.
inline constexpr size_t kMaxDeliveryId = 128;
// Gives `events` the name `id`, and a number behind it where there are several;
// leaves them alone where it is empty.
void SetDeliveryIds(std::vector<WebhookEvent>& events, std::string_view id);

WebhookDelivery Ignored(std::string why);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_WEBHOOK_BODY_H_
