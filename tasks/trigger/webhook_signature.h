// How the senders of webhooks prove themselves. Comparisons take the same time
// whatever differs.

#ifndef STRAKE_TASKS_TRIGGER_WEBHOOK_SIGNATURE_H_
#define STRAKE_TASKS_TRIGGER_WEBHOOK_SIGNATURE_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "tasks/trigger/webhook.h"
#include "util/result.h"

namespace strake::tasks::trigger {

// The 32 bytes of HMAC-SHA256 over `parts`, one after the other.
std::string HmacSha256(std::string_view key,
                       std::initializer_list<std::string_view> parts);

bool SecretsEqual(std::string_view a, std::string_view b);

// The value of a header, without blanks around it.
std::optional<std::string_view> FindHeader(const WebhookRequest& request,
                                           std::string_view name);

// That the header `name` is `prefix` and the HMAC of the body in lower-case
// hexadecimal.
Status CheckBodySignature(const WebhookRequest& request,
                          const WebhookOptions& options, std::string_view name,
                          std::string_view prefix);

// That the header `name` is the seconds of a time near `options.now`.
Status CheckTimestamp(const WebhookRequest& request,
                      const WebhookOptions& options, std::string_view name);

enum class AuthorizationForms { kAny, kBasicOnly };
Status CheckAuthorization(const WebhookRequest& request,
                          const WebhookOptions& options,
                          AuthorizationForms forms);

Status CheckUrlSecret(const WebhookRequest& request,
                      const WebhookOptions& options);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_WEBHOOK_SIGNATURE_H_
