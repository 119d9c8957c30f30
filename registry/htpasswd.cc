#include "registry/htpasswd.h"

#include <crypt.h>

#include <algorithm>
#include <memory>

#include "util/strings.h"

namespace strake::registry {
namespace {

bool IsKnownHash(std::string_view hash) {
  for (std::string_view prefix : {"$2y$", "$2a$", "$2b$", "$5$", "$6$"}) {
    if (hash.starts_with(prefix)) return true;
  }
  return false;
}

// Takes the same time wherever the first difference is.
bool EqualInConstantTime(std::string_view a, std::string_view b) {
  unsigned difference = a.size() == b.size() ? 0 : 1;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

}  // namespace

Result<std::map<std::string, std::string>> Htpasswd::Parse(
    std::string_view text, std::string_view source) {
  std::map<std::string, std::string> hashes;
  int number = 0;
  for (std::string_view line : Split(text, '\n')) {
    ++number;
    line = Trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    auto parts = SplitOnce(line, ':');
    std::string where = std::string(source) + ":" + std::to_string(number);
    if (!parts || parts->first.empty()) {
      return InvalidArgument(where + ": expected name:hash");
    }
    if (!IsKnownHash(parts->second)) {
      return InvalidArgument(
          where + ": the password of " + GoQuote(parts->first) +
          " is not hashed by bcrypt or SHA crypt (use htpasswd -B)");
    }
    hashes[std::string(parts->first)] = parts->second;
  }
  return hashes;
}

bool Htpasswd::Check(const std::string& name,
                     const std::string& password) const {
  auto it = hashes_.find(name);
  if (it == hashes_.end()) return false;
  oci::Digest digest = oci::Digest::Of(it->second + password);
  {
    auto confirmed = confirmed_.lock();
    auto known = confirmed->find(name);
    if (known != confirmed->end() && known->second == digest) return true;
  }
  auto data = std::make_unique<crypt_data>();
  const char* hash =
      ::crypt_r(password.c_str(), it->second.c_str(), data.get());
  if (hash == nullptr || !EqualInConstantTime(hash, it->second)) return false;
  (*confirmed_.lock())[name] = digest;
  return true;
}

bool Htpasswd::CheckBasic(std::string_view authorization) const {
  auto parts = SplitOnce(Trim(authorization), ' ');
  if (!parts || !EqualsIgnoreCase(parts->first, "basic")) return false;
  auto decoded = Base64Decode(Trim(parts->second));
  if (!decoded) return false;
  auto pair = SplitOnce(*decoded, ':');
  return pair && Check(std::string(pair->first), std::string(pair->second));
}

}  // namespace strake::registry
