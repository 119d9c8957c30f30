// Names and hashed passwords as Apache's htpasswd keeps them.

#ifndef STRAKE_REGISTRY_HTPASSWD_H_
#define STRAKE_REGISTRY_HTPASSWD_H_

#include <map>
#include <string>
#include <string_view>

#include "oci/digest.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::registry {

// Thread-safe.
class Htpasswd {
 public:
  // Lines "name:hash"; empty lines and "#" comments are skipped. Hashes are
  // those that crypt(3) knows: bcrypt (`htpasswd -B`), SHA-256 and SHA-512
  // crypt. `kInvalidArgument` names the line of any other (apr1, plain).
  static Result<std::map<std::string, std::string>> Parse(
      std::string_view text, std::string_view source);

  explicit Htpasswd(std::map<std::string, std::string> hashes)
      : hashes_(std::move(hashes)) {}

  bool Check(const std::string& name, const std::string& password) const;
  // Of an `Authorization` field.
  bool CheckBasic(std::string_view authorization) const;

 private:
  const std::map<std::string, std::string> hashes_;
  // Hashing a password is made to be slow; each one that was right is
  // remembered, by a digest of it.
  mutable Guarded<std::map<std::string, oci::Digest>> confirmed_;
};

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_HTPASSWD_H_
