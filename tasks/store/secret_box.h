// Secrets at rest: AES-256-GCM under a key that lies in a file of its own, so
// that who has the database has no secret. Immutable, thread-safe.
//
// A sealed text is "v1.<key id>.<Base64 of nonce, ciphertext and tag>"; the key
// id is the start of the key's digest, to tell a wrong key from damage.

#ifndef STRAKE_TASKS_STORE_SECRET_BOX_H_
#define STRAKE_TASKS_STORE_SECRET_BOX_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::tasks::store {

class SecretBox {
 public:
  // With the key in `path`, which is made, with mode 0600, where there is no
  // file. Of several processes that make it at once, all get the same.
  // Errors: `kUnauthorized` (others may read the file), `kCorrupt` (it has no
  // key), `kIo`.
  static Result<SecretBox> Open(const std::string& path);

  // Encrypts `text`.
  //   purpose  what it is a secret of; a sealed text opens for no other, so
  //            that none can be moved to another place in the database
  Result<std::string> Seal(std::string_view text,
                           std::string_view purpose) const;
  // The text that was sealed.
  // Errors: `kUnauthorized` (by another key), `kCorrupt` (damaged, or sealed
  // for another purpose).
  Result<std::string> Unseal(std::string_view sealed,
                             std::string_view purpose) const;

 private:
  SecretBox(std::string path, std::string key);

  std::string path_;
  std::string key_;
  std::string key_id_;
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_SECRET_BOX_H_
