// What hosts of git repositories and registries tell by HTTP when something
// was pushed: checked first, then read.
//
// Each host proves itself in its own way:
//   github        X-Hub-Signature-256 (HMAC-SHA256 of the body); SHA-1 alone
//                 is refused
//   gitlab        webhook-signature (a signing token, "whsec_..."; the time of
//                 it is checked), else X-Gitlab-Token
//   gitea         X-Forgejo-Signature or X-Gitea-Signature; Forgejo too
//   bitbucket     X-Hub-Signature "sha256=..."; Cloud, Server and Data Center
//   azure-devops  basic authentication; the password is the secret
//   generic       X-Strake-Signature over "<X-Strake-Timestamp>.<body>"
//   distribution, harbor, acr
//                 the Authorization header that is configured there: the
//                 secret itself, "Bearer <secret>", or basic authentication
//                 with it as password
//   quay, dockerhub
//                 these send no proof but the address: the secret is in it
//
// Pure and stateless; safe to call from any thread. What comes from a body is
// checked for its form: names of commits are hexadecimal, refs and names of
// images are well-formed. It still belongs to a stranger.

#ifndef STRAKE_TASKS_TRIGGER_WEBHOOK_H_
#define STRAKE_TASKS_TRIGGER_WEBHOOK_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::tasks::trigger {

enum class WebhookHost {
  kGitHub,
  kGitLab,
  kGitea,
  kBitbucket,
  kAzureDevOps,
  kGeneric,
  kDistribution,
  kHarbor,
  kAcr,
  kQuay,
  kDockerHub,
};

// "github", "azure-devops", ... as in the list above.
std::string_view WebhookHostName(WebhookHost host);
// `kInvalidArgument` names those that there are.
Result<WebhookHost> ParseWebhookHost(std::string_view name);

// Names of headers in any case.
struct HeaderNameLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const;
};
using WebhookHeaders = std::map<std::string, std::string, HeaderNameLess>;

struct WebhookRequest {
  WebhookHost host = WebhookHost::kGeneric;
  WebhookHeaders headers;
  std::string_view body;  // as received; borrowed
  // The secret that the address carried; only for hosts that can send none
  // otherwise.
  std::string url_secret;
};

struct WebhookOptions {
  std::string secret;  // empty: everything is refused
  std::chrono::sys_seconds now;
  // How far a signed time may be from `now`, either way.
  std::chrono::seconds window{300};
  size_t max_body_bytes = size_t{1} << 20;
};

enum class EventKind { kPush, kTagPush, kPullRequest, kImagePush };
// "commit", "tag", "pullrequest", "image".
std::string_view EventKindName(EventKind kind);

struct WebhookEvent {
  EventKind kind = EventKind::kPush;
  // The same for a repeated delivery, different for any other. It is of what
  // is signed, so that nobody can make an old delivery look new; a digest of
  // the body where that names none. Empty where two pushes may have the same
  // body (Quay).
  std::string delivery_id;
  // As the host calls who did it, on one line; may be empty.
  std::string author;

  // Of git. Each form of the repository's address, canonical (see
  // repository_url.h); of a pull request, of the repository it is to go into.
  std::vector<std::string> repositories;
  std::string ref;     // "refs/heads/main", "refs/tags/v1"
  std::string branch;  // pushed to; of a pull request, where it is to go
  std::string tag;     // of a tag push
  // Full name; of Bitbucket Cloud's pull requests the start of it.
  std::string commit;
  std::string commit_before;  // empty: the ref is new, or unknown
  int64_t pull_request = 0;   // its number
  std::string head_branch;    // of a pull request, where it comes from
  bool from_fork = false;     // the pull request is of another repository
  // All that changed, sorted; nothing where the body does not list it all. A
  // host that does not say so of a forced push leaves out what it dropped.
  std::optional<std::vector<std::string>> changed_paths;

  // Of an image push; here `tag` is the image's and may be empty.
  std::string registry;    // "docker.io", "localhost:5000"
  std::string repository;  // "library/debian"
  std::string digest;      // of the manifest; empty where the host tells none
};

struct WebhookDelivery {
  std::vector<WebhookEvent> events;
  // Why there are fewer events than the body tells of; else empty.
  std::string ignored;
  // What the host calls it, to find it in the host's own log. Unsigned.
  std::string sender_id;
};

// Checks `request` and reads it.
// Errors: `kUnauthorized` (what proves the sender is missing or wrong; says
// what was expected), `kInvalidArgument` (too long, not of the host's form;
// only after the check), `kUnsupported` (a digest that is no SHA-256).
Result<WebhookDelivery> ReceiveWebhook(const WebhookRequest& request,
                                       const WebhookOptions& options);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_WEBHOOK_H_
