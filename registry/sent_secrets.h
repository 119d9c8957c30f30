// What we sent that nobody else may read: passwords, tokens, refresh tokens,
// and the values that carry them. Registries and the proxies before them quote
// requests in their refusals; our messages quote refusals.

#ifndef STRAKE_REGISTRY_SENT_SECRETS_H_
#define STRAKE_REGISTRY_SENT_SECRETS_H_

#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "util/guarded.h"

namespace strake::registry {

struct HttpRequest;

// Thread-safe.
class SentSecrets {
 public:
  // Remembers what `request` has of them: in `Authorization`, also what is
  // inside of a basic one, in fields of other names that speak of tokens, and
  // in a form (client secrets, refresh tokens, assertions).
  void Remember(const HttpRequest& request);

  // `text` with "***" in the place of each. A secret of less than four bytes is
  // hidden only where it stands alone: "a" is in every word.
  std::string Mask(std::string text) const;

 private:
  void RememberHeader(std::string_view name, std::string_view value);
  void RememberForm(std::string_view form);
  void Add(std::string_view secret);

  mutable Guarded<std::set<std::string, std::less<>>> secrets_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_SENT_SECRETS_H_
