// Any bytes as the body of a webhook of any host, signed rightly: reading must
// end, and what it gives must be of the form that later parts rely on. The
// first byte says which host, the second which event.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>

#include "tasks/trigger/repository_url.h"
#include "tasks/trigger/webhook.h"
#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_signature.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

constexpr std::string_view kSecret = "secret";

void Require(bool condition) {
  if (!condition) std::abort();
}

void CheckGit(const WebhookEvent& event) {
  Require(!event.repositories.empty());
  for (const std::string& repository : event.repositories) {
    auto again = CanonicalRepository("https://" + repository);
    Require(!repository.empty() && repository.find('/') != std::string::npos);
    Require(again.has_value() || !again.error().message().empty());
  }
  Require(event.commit.size() >= 7 && !event.commit.starts_with('-'));
  Require(event.commit.find_first_not_of("0123456789abcdef") ==
          std::string::npos);
  Require(IsRefName(event.ref));
  if (event.kind != EventKind::kTagPush) {
    Require(IsRefName("refs/heads/" + event.branch));
  }
}

void CheckEvent(const WebhookEvent& event) {
  if (event.kind == EventKind::kImagePush) {
    Require(!event.registry.empty() && !event.repository.empty());
    Require(event.digest.empty() || event.digest.size() == 71);
    return;
  }
  CheckGit(event);
}

void Sign(WebhookRequest& request) {
  std::string mac = HmacSha256(kSecret, {request.body});
  std::string hex = HexEncode(std::as_bytes(std::span(mac)));
  std::string timed = HmacSha256(kSecret, {"1000.", request.body});
  request.headers["X-Hub-Signature-256"] = "sha256=" + hex;
  request.headers["X-Hub-Signature"] = "sha256=" + hex;
  request.headers["X-Gitea-Signature"] = hex;
  request.headers["X-Gitlab-Token"] = kSecret;
  request.headers["X-Strake-Timestamp"] = "1000";
  request.headers["X-Strake-Signature"] =
      "sha256=" + HexEncode(std::as_bytes(std::span(timed)));
  request.headers["Authorization"] = "Basic " + Base64Encode("u:secret");
  request.url_secret = kSecret;
}

void FuzzWebhook(std::string_view text) {
  if (text.size() < 2) return;
  constexpr std::array<std::string_view, 6> kEvents = {"push",
                                                       "pull_request",
                                                       "repo:push",
                                                       "pullrequest:created",
                                                       "repo:refs_changed",
                                                       "pr:opened"};
  WebhookRequest request;
  request.host = static_cast<WebhookHost>(static_cast<uint8_t>(text[0]) % 11);
  std::string event(kEvents[static_cast<uint8_t>(text[1]) % kEvents.size()]);
  request.headers["X-GitHub-Event"] = event;
  request.headers["X-Gitea-Event"] = event;
  request.headers["X-Event-Key"] = event;
  request.body = text.substr(2);
  Sign(request);
  WebhookOptions options;
  options.secret = kSecret;
  options.now = std::chrono::sys_seconds(std::chrono::seconds(1000));
  auto delivery = ReceiveWebhook(request, options);
  if (!delivery) {
    Require(delivery.error().code() != ErrorCode::kUnauthorized);
    return;
  }
  Require(!delivery->events.empty() || !delivery->ignored.empty());
  for (const WebhookEvent& one : delivery->events) CheckEvent(one);
}

}  // namespace
}  // namespace strake::tasks::trigger

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  strake::tasks::trigger::FuzzWebhook(
      {reinterpret_cast<const char*>(data), size});
  return 0;
}
