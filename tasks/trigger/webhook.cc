#include "tasks/trigger/webhook.h"

#include <algorithm>
#include <array>

#include "oci/digest.h"
#include "tasks/trigger/webhook_body.h"
#include "tasks/trigger/webhook_hosts.h"
#include "tasks/trigger/webhook_signature.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

constexpr size_t kMaxAuthorBytes = 256;

struct HostRules {
  std::string_view name;
  Status (*check)(const WebhookRequest&, const WebhookOptions&) = nullptr;
  Result<WebhookDelivery> (*read)(const WebhookRequest&,
                                  const JsonField&) = nullptr;
};

// In the order of `WebhookHost`.
constexpr std::array<HostRules, 11> kHosts = {{
    {"github", CheckGitHub, ReadGitHub},
    {"gitlab", CheckGitLab, ReadGitLab},
    {"gitea", CheckGitea, ReadGitea},
    {"bitbucket", CheckBitbucket, ReadBitbucket},
    {"azure-devops", CheckAzureDevOps, ReadAzureDevOps},
    {"generic", CheckGeneric, ReadGeneric},
    {"distribution", CheckRegistry, ReadDistribution},
    {"harbor", CheckRegistry, ReadHarbor},
    {"acr", CheckRegistry, ReadAcr},
    {"quay", CheckUrlSecret, ReadQuay},
    {"dockerhub", CheckUrlSecret, ReadDockerHub},
}};

Status CheckForm(const WebhookRequest& request, const HostRules& rules) {
  auto type = FindHeader(request, "Content-Type");
  constexpr std::string_view kForm = "application/x-www-form-urlencoded";
  if (!type || !ToLower(*type).starts_with(kForm)) return {};
  return InvalidArgument(
      "the body is a form; choose the content type application/json in the "
      "webhook's settings at " +
      std::string(rules.name));
}

Result<WebhookDelivery> Read(const WebhookRequest& request,
                             const HostRules& rules) {
  RETURN_IF_ERROR(CheckForm(request, rules));
  ASSIGN_OR_RETURN(const nlohmann::json document, ParseJson(request.body));
  if (!document.is_object()) {
    return InvalidArgument("the body is no JSON object");
  }
  return rules.read(request, JsonField(document));
}

// A name in a header is not signed along with the body. Whoever saw a delivery
// could send it again under another.
void NameByBody(const WebhookRequest& request, WebhookDelivery& delivery) {
  std::vector<WebhookEvent>& events = delivery.events;
  bool named = std::any_of(events.begin(), events.end(), [](const auto& e) {
    return !e.delivery_id.empty();
  });
  if (named || request.host == WebhookHost::kQuay) return;
  SetDeliveryIds(events, oci::Digest::Of(request.body).ToString());
}

// What a stranger typed, for one line of a log.
std::string OneLine(std::string_view text) {
  std::string line(text.substr(0, kMaxAuthorBytes));
  std::replace_if(
      line.begin(), line.end(),
      [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; },
      '?');
  return line;
}

std::string SenderId(const WebhookRequest& request) {
  for (std::string_view name :
       {"X-GitHub-Delivery", "X-Forgejo-Delivery", "X-Gitea-Delivery",
        "X-Request-UUID", "X-Request-Id", "X-Gitlab-Event-UUID"}) {
    auto id = FindHeader(request, name);
    if (id) return OneLine(id->substr(0, kMaxDeliveryId));
  }
  return "";
}

}  // namespace

bool HeaderNameLess::operator()(std::string_view a, std::string_view b) const {
  auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::lexicographical_compare(
      a.begin(), a.end(), b.begin(), b.end(),
      [&](char x, char y) { return lower(x) < lower(y); });
}

std::string_view WebhookHostName(WebhookHost host) {
  return kHosts[static_cast<size_t>(host)].name;
}

Result<WebhookHost> ParseWebhookHost(std::string_view name) {
  std::string names;
  for (size_t i = 0; i < kHosts.size(); ++i) {
    if (kHosts[i].name == name) return static_cast<WebhookHost>(i);
    names += (i == 0 ? "" : ", ") + std::string(kHosts[i].name);
  }
  return InvalidArgument("no host of webhooks is called " +
                         GoQuote(name.substr(0, 64)) + "; there are " + names);
}

std::string_view EventKindName(EventKind kind) {
  constexpr std::array<std::string_view, 4> kNames = {"commit", "tag",
                                                      "pullrequest", "image"};
  return kNames[static_cast<size_t>(kind)];
}

Result<WebhookDelivery> ReceiveWebhook(const WebhookRequest& request,
                                       const WebhookOptions& options) {
  const HostRules& rules = kHosts[static_cast<size_t>(request.host)];
  auto failed = [&](const Error& error) {
    return error.Wrap("webhook of " + std::string(rules.name));
  };
  if (request.body.size() > options.max_body_bytes) {
    return failed(InvalidArgument("the body has " +
                                  std::to_string(request.body.size()) +
                                  " bytes, more than the limit of " +
                                  std::to_string(options.max_body_bytes)));
  }
  if (options.secret.empty()) {
    return failed(Error(ErrorCode::kUnauthorized,
                        "no secret is set for it here, so nobody can prove to "
                        "be the sender"));
  }
  auto checked = rules.check(request, options);
  if (!checked) return failed(checked.error());
  // From here on, the body is the sender's own.
  auto delivery = Read(request, rules);
  if (!delivery) return failed(delivery.error());
  NameByBody(request, *delivery);
  for (WebhookEvent& event : delivery->events) {
    event.author = OneLine(event.author);
  }
  delivery->sender_id = SenderId(request);
  return delivery;
}

}  // namespace strake::tasks::trigger
