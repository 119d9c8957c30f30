#include "tasks/trigger/webhook_signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <cstdlib>
#include <span>

#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

Error Unauthorized(std::string message) {
  return Error(ErrorCode::kUnauthorized, std::move(message));
}

Error Missing(std::string_view name) {
  return Unauthorized("the header " + std::string(name) +
                      " is missing: it comes once a secret is set for the "
                      "webhook at the sender");
}

}  // namespace

std::string HmacSha256(std::string_view key,
                       std::initializer_list<std::string_view> parts) {
  std::string text;
  for (std::string_view part : parts) text += part;
  std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
  unsigned int size = 0;
  const unsigned char* done =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           bytes.data(), &size);
  // Only memory can lack; to go on would accept anything.
  if (done == nullptr) std::abort();
  return std::string(reinterpret_cast<const char*>(bytes.data()), size);
}

bool SecretsEqual(std::string_view a, std::string_view b) {
  // Their lengths differ without telling how.
  std::string first = HmacSha256("strake", {a});
  std::string second = HmacSha256("strake", {b});
  return CRYPTO_memcmp(first.data(), second.data(), first.size()) == 0;
}

std::optional<std::string_view> FindHeader(const WebhookRequest& request,
                                           std::string_view name) {
  auto found = request.headers.find(name);
  if (found == request.headers.end()) return std::nullopt;
  return Trim(found->second);
}

Status CheckBodySignature(const WebhookRequest& request,
                          const WebhookOptions& options, std::string_view name,
                          std::string_view prefix) {
  auto header = FindHeader(request, name);
  if (!header) return Missing(name);
  std::string mac = HmacSha256(options.secret, {request.body});
  std::string expected =
      std::string(prefix) + HexEncode(std::as_bytes(std::span(mac)));
  if (SecretsEqual(*header, expected)) return {};
  std::string form =
      prefix.empty() ? "" : "\"" + std::string(prefix) + "\" and ";
  return Unauthorized("the header " + std::string(name) + " is not " + form +
                      "the HMAC-SHA256 of the body: the secret here and at the "
                      "sender differ, or the body was changed");
}

Status CheckTimestamp(const WebhookRequest& request,
                      const WebhookOptions& options, std::string_view name) {
  auto header = FindHeader(request, name);
  if (!header) return Missing(name);
  auto sent = ParseInt(*header);
  int64_t now = options.now.time_since_epoch().count();
  int64_t window = options.window.count();
  if (sent && *sent >= now - window && *sent <= now + window) return {};
  return Unauthorized("the header " + std::string(name) +
                      " is not a time in seconds within " +
                      std::to_string(window) +
                      " s of now: an old delivery sent again, or a clock that "
                      "is wrong");
}

Status CheckAuthorization(const WebhookRequest& request,
                          const WebhookOptions& options,
                          AuthorizationForms forms) {
  bool any = forms == AuthorizationForms::kAny;
  auto header = FindHeader(request, "Authorization");
  if (!header) return Missing("Authorization");
  auto words = SplitOnce(*header, ' ');
  if (words && EqualsIgnoreCase(words->first, "Basic")) {
    auto login = Base64Decode(Trim(words->second));
    auto parts = login ? SplitOnce(*login, ':') : std::nullopt;
    if (parts && SecretsEqual(parts->second, options.secret)) return {};
  } else if (any && words && EqualsIgnoreCase(words->first, "Bearer") &&
             SecretsEqual(Trim(words->second), options.secret)) {
    return {};
  }
  if (any && SecretsEqual(*header, options.secret)) return {};
  return Unauthorized(
      any ? "the header Authorization is neither the webhook's secret, nor "
            "\"Bearer\" and the secret, nor basic authentication with it as "
            "the password"
          : "the header Authorization is not basic authentication with the "
            "webhook's secret as the password");
}

Status CheckUrlSecret(const WebhookRequest& request,
                      const WebhookOptions& options) {
  if (SecretsEqual(request.url_secret, options.secret)) return {};
  return Unauthorized(std::string(request.url_secret.empty() ? "no secret is"
                                                             : "a wrong "
                                                               "secret is") +
                      " in the address of the webhook, and " +
                      std::string(WebhookHostName(request.host)) +
                      " sends no other proof");
}

}  // namespace strake::tasks::trigger
