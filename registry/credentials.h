// Who we are to which registry, in the form of Docker's `config.json`.
//
// Nothing here looks for a file or at an environment variable by itself: the
// caller says which file to read. (A credential helper is a program,
// `docker-credential-<name>`, found on PATH and run when its registry is asked
// for first.)

#ifndef STRAKE_REGISTRY_CREDENTIALS_H_
#define STRAKE_REGISTRY_CREDENTIALS_H_

#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"

namespace strake::registry {

// A name and a secret. Never printed: only `username` may enter a message.
struct Credential {
  std::string username = {};
  std::string password = {};
  // An OAuth2 refresh token in the password's place ("identitytoken").
  std::string identity_token = {};

  friend bool operator==(const Credential&, const Credential&) = default;
};

// A value: copy it freely. `Lookup` is safe to call from any thread.
class Credentials {
 public:
  // No credentials: every registry is asked anonymously.
  Credentials() = default;

  // Those of a `config.json` or a podman `auth.json` (containers-auth.json(5)):
  // `auths` (base64 `auth`, or `username` and `password`, `identitytoken`),
  // `credHelpers`, `credsStore`. A key of `auths` is a registry or, without
  // scheme, a part of one: "host/namespace", "host/namespace/repository".
  // `source` names the text in errors.
  static Result<Credentials> ParseDockerConfig(std::string_view json,
                                               std::string_view source);

  // Explicit values, which come before all others.
  void Set(std::string_view registry, Credential credential);

  // Adds those of `other`, which are asked where ours know nothing.
  void Append(Credentials other);

  // What to tell `registry` (as in a `Reference`; "docker.io" finds
  // "https://index.docker.io/v1/" too) when it is about `repository`; "": about
  // the registry itself. Order: explicit; then of each file its longest entry
  // for a part of the registry, `credHelpers`, `auths`, `credsStore`. Nothing:
  // be anonymous. An error where a helper could not be run or failed otherwise
  // than by not knowing the registry.
  Result<std::optional<Credential>> Lookup(std::string_view registry,
                                           std::string_view repository = {},
                                           std::stop_token stop = {}) const;

  // The part of `registry`, "host" or "host/namespace", inside which every
  // repository has the login that `repository` has.
  std::string ScopeOf(std::string_view registry,
                      std::string_view repository) const;

 private:
  struct Helper {
    std::string name;    // "gcloud" for docker-credential-gcloud
    std::string server;  // the registry as the file spells it
  };
  // By canonical name (`CanonicalRegistry`); those of `auths` may go on with
  // "/namespace".
  template <typename T>
  using ByRegistry = std::map<std::string, T, std::less<>>;
  struct File {
    ByRegistry<Credential> auths = {};
    ByRegistry<Helper> helpers = {};
    std::string creds_store = {};
  };
  ByRegistry<Credential> explicit_;
  std::vector<File> files_;
};

// The credentials in the file `path`; none where there is no such file.
Result<Credentials> LoadDockerConfig(const std::string& path);

// Remembers `credential` for `registry` in the `config.json` at `path`: by the
// credential helper that it names for this registry, else in `auths`. The file
// is replaced atomically, with mode 0600, made where missing (its directory
// with mode 0700), and keeps every member it has. Check the login first
// (`Client::CheckLogin`).
enum class LoginStorage { kFile, kHelper };
Result<LoginStorage> StoreLogin(const std::string& path,
                                std::string_view registry,
                                const Credential& credential);

// Forgets the login for `registry`; false where there was none.
Result<bool> EraseLogin(const std::string& path, std::string_view registry);

}  // namespace strake::registry

#endif  // STRAKE_REGISTRY_CREDENTIALS_H_
