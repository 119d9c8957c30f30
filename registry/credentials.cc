#include "registry/credentials.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "registry/credential_helper.h"
#include "registry/endpoint.h"
#include "util/atomic_file.h"
#include "util/byte_stream.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using nlohmann::json;

constexpr uint64_t kConfigLimitBytes = uint64_t{16} << 20;

// What Docker calls a registry in its file and towards helpers.
std::string ServerKey(std::string_view registry) {
  std::string canonical = CanonicalRegistry(registry);
  return canonical == "docker.io" ? "https://index.docker.io/v1/" : canonical;
}

// What a key of `auths` is about. Addresses are those of whole registries, as
// are those that end in the version of an API, with or without scheme.
std::string ScopeOfKey(std::string_view key) {
  std::string registry = CanonicalRegistry(key);
  size_t slash = key.find('/');
  bool address = key.find("://") != std::string_view::npos;
  if (address || slash == std::string_view::npos) return registry;
  std::string_view path = key.substr(slash + 1);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (path.empty() || path == "v1" || path == "v2") return registry;
  return registry + "/" + std::string(path);
}

// "host/a/b" and "host/a" for a repository "a/b": the longest first, without
// the host itself.
std::vector<std::string> PartsAround(const std::string& registry,
                                     std::string_view repository) {
  std::vector<std::string> parts;
  while (!repository.empty()) {
    parts.push_back(registry + "/" + std::string(repository));
    size_t slash = repository.rfind('/');
    repository =
        repository.substr(0, slash == std::string_view::npos ? 0 : slash);
  }
  return parts;
}

// "base64(name:password)". Some writers leave NULs at the end.
Result<Credential> DecodeAuth(std::string_view encoded) {
  auto decoded = Base64Decode(encoded);
  auto parts = decoded ? SplitOnce(*decoded, ':') : std::nullopt;
  if (!parts) return InvalidArgument("not base64 of \"name:password\"");
  std::string_view password = parts->second;
  while (password.ends_with('\0')) password.remove_suffix(1);
  return Credential{std::string(parts->first), std::string(password), ""};
}

// Nothing for an entry without secret: `{}` marks what a helper keeps.
Result<std::optional<Credential>> ParseAuthEntry(const JsonField& entry) {
  using Maybe = std::optional<Credential>;
  Credential credential;
  ASSIGN_OR_RETURN(std::string auth, entry.At("auth").StringOr(""));
  if (!auth.empty()) {
    auto decoded = DecodeAuth(auth);
    if (!decoded) return std::move(decoded).error().Wrap(entry.path());
    credential = std::move(decoded).value();
  } else {
    ASSIGN_OR_RETURN(credential.username, entry.At("username").StringOr(""));
    ASSIGN_OR_RETURN(credential.password, entry.At("password").StringOr(""));
  }
  ASSIGN_OR_RETURN(credential.identity_token,
                   entry.At("identitytoken").StringOr(""));
  if (credential == Credential()) return Maybe();
  return Maybe(std::move(credential));
}

// The file as it is, `{}` where there is none.
Result<json> ReadConfig(const std::string& path) {
  auto text = ReadFile(path, kConfigLimitBytes);
  if (!text && text.error().code() == ErrorCode::kNotFound) {
    return json::object();
  }
  if (!text) return std::move(text).error();
  if (Trim(*text).empty()) return json::object();
  auto document = ParseJson(*text);
  if (!document) return std::move(document).error().Wrap(path);
  if (!document->is_object()) {
    return InvalidArgument(path + ": not a JSON object");
  }
  return document;
}

// Written aside, then renamed into place; a symlink is written through.
Status WriteConfig(const std::string& path, const json& document) {
  namespace fs = std::filesystem;
  std::error_code error;
  fs::path target = fs::weakly_canonical(path, error);
  if (error) target = path;
  fs::path folder = target.parent_path();
  if (!folder.empty() && !fs::exists(folder, error)) {
    fs::create_directories(folder, error);
    if (error) return ErrnoError("make " + folder.string(), error.value());
    fs::permissions(folder, fs::perms::owner_all, error);
  }
  return WriteFileAtomically(target.string(), DumpJsonPretty(document) + "\n",
                             {.mode = 0600, .sync = true});
}

// The name of the helper that keeps the login of `registry`, or "".
std::string HelperFor(const json& document, std::string_view registry) {
  JsonField root(document);
  auto helpers = root.At("credHelpers").StringMapOr({});
  if (helpers) {
    for (const auto& [server, name] : *helpers) {
      if (name.empty()) continue;
      if (CanonicalRegistry(server) == CanonicalRegistry(registry)) return name;
    }
  }
  return root.At("credsStore").StringOr("").value_or("");
}

// Takes the entries of `registry`, in any spelling, out of `auths`.
bool RemoveAuths(json& document, std::string_view registry) {
  auto auths = document.find("auths");
  if (auths == document.end() || !auths->is_object()) return false;
  bool removed = false;
  for (auto it = auths->begin(); it != auths->end();) {
    if (ScopeOfKey(it.key()) == CanonicalRegistry(registry)) {
      it = auths->erase(it);
      removed = true;
    } else {
      ++it;
    }
  }
  return removed;
}

}  // namespace

Result<Credentials> Credentials::ParseDockerConfig(std::string_view text,
                                                   std::string_view source) {
  auto fail = [&](Error error) { return std::move(error).Wrap(source); };
  Credentials credentials;
  if (Trim(text).empty()) return credentials;
  auto document = ParseJson(text);
  if (!document) return fail(std::move(document).error());
  JsonField root(*document);
  File file;

  if (JsonField auths = root.At("auths"); auths.present()) {
    if (!auths.raw().is_object()) {
      return fail(InvalidArgument("auths: expected an object"));
    }
    for (auto it = auths.raw().begin(); it != auths.raw().end(); ++it) {
      auto entry = ParseAuthEntry(auths.At(it.key()));
      if (!entry) return fail(std::move(entry).error());
      if (!*entry) continue;
      std::string scope = ScopeOfKey(it.key());
      // An entry for the plain name comes before one with a path.
      if (it.key() == ServerKey(scope)) {
        file.auths[scope] = **entry;
      } else {
        file.auths.emplace(scope, **entry);
      }
    }
  }
  auto helpers = root.At("credHelpers").StringMapOr({});
  if (!helpers) return fail(std::move(helpers).error());
  for (const auto& [server, name] : *helpers) {
    if (name.empty()) continue;
    file.helpers[CanonicalRegistry(server)] = {name, server};
  }
  auto store = root.At("credsStore").StringOr("");
  if (!store) return fail(std::move(store).error());
  file.creds_store = *store;
  credentials.files_.push_back(std::move(file));
  return credentials;
}

void Credentials::Set(std::string_view registry, Credential credential) {
  explicit_[CanonicalRegistry(registry)] = std::move(credential);
}

void Credentials::Append(Credentials other) {
  explicit_.merge(other.explicit_);
  std::ranges::move(other.files_, std::back_inserter(files_));
}

Result<std::optional<Credential>> Credentials::Lookup(
    std::string_view registry, std::string_view repository,
    std::stop_token stop) const {
  using Maybe = std::optional<Credential>;
  std::string name = CanonicalRegistry(registry);
  if (auto it = explicit_.find(name); it != explicit_.end()) {
    return Maybe(it->second);
  }
  for (const File& file : files_) {
    for (const std::string& part : PartsAround(name, repository)) {
      auto it = file.auths.find(part);
      if (it != file.auths.end()) return Maybe(it->second);
    }
    Maybe found;
    if (auto it = file.helpers.find(name); it != file.helpers.end()) {
      ASSIGN_OR_RETURN(found,
                       GetFromHelper(it->second.name, it->second.server, stop));
    } else if (auto auth = file.auths.find(name); auth != file.auths.end()) {
      found = auth->second;
    } else if (!file.creds_store.empty()) {
      ASSIGN_OR_RETURN(found,
                       GetFromHelper(file.creds_store, ServerKey(name), stop));
    }
    if (found) return found;
  }
  return Maybe();
}

std::string Credentials::ScopeOf(std::string_view registry,
                                 std::string_view repository) const {
  std::string name = CanonicalRegistry(registry);
  for (const std::string& part : PartsAround(name, repository)) {
    for (const File& file : files_) {
      if (file.auths.contains(part)) return part;
    }
  }
  return name;
}

Result<Credentials> LoadDockerConfig(const std::string& path) {
  auto text = ReadFile(path, kConfigLimitBytes);
  if (!text && text.error().code() == ErrorCode::kNotFound) {
    return Credentials();
  }
  if (!text) return std::move(text).error();
  return Credentials::ParseDockerConfig(*text, path);
}

Result<LoginStorage> StoreLogin(const std::string& path,
                                std::string_view registry,
                                const Credential& credential) {
  ASSIGN_OR_RETURN(json document, ReadConfig(path));
  std::string helper = HelperFor(document, registry);
  json entry = json::object();
  if (!helper.empty()) {
    RETURN_IF_ERROR(StoreInHelper(helper, ServerKey(registry), credential));
  } else {
    // With an identity token the password is left empty, as Docker does.
    entry["auth"] =
        Base64Encode(credential.username + ":" + credential.password);
    if (!credential.identity_token.empty()) {
      entry["identitytoken"] = credential.identity_token;
    }
  }
  RemoveAuths(document, registry);
  if (!document["auths"].is_object()) document["auths"] = json::object();
  document["auths"][ServerKey(registry)] = std::move(entry);
  RETURN_IF_ERROR(WriteConfig(path, document));
  return helper.empty() ? LoginStorage::kFile : LoginStorage::kHelper;
}

Result<bool> EraseLogin(const std::string& path, std::string_view registry) {
  ASSIGN_OR_RETURN(json document, ReadConfig(path));
  std::string helper = HelperFor(document, registry);
  bool erased = false;
  if (!helper.empty()) {
    ASSIGN_OR_RETURN(erased, EraseInHelper(helper, ServerKey(registry)));
  }
  if (RemoveAuths(document, registry)) {
    erased = true;
    RETURN_IF_ERROR(WriteConfig(path, document));
  }
  return erased;
}

}  // namespace strake::registry
