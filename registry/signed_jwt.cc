#include "registry/signed_jwt.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "util/c_handle.h"
#include "util/json.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

using Bio = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Context = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;

// RFC 4648's URL alphabet, without padding.
std::string Base64Url(std::string_view bytes) {
  std::string text = Base64Encode(bytes);
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

}  // namespace

Result<std::string> MakeSignedJwt(std::string_view claims_json,
                                  std::string_view key_id,
                                  std::string_view private_key) {
  Bio bio(BIO_new_mem_buf(private_key.data(),
                          static_cast<int>(private_key.size())));
  // No one is asked for a passphrase.
  auto no_passphrase = [](char*, int, int, void*) { return -1; };
  Key key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key || EVP_PKEY_base_id(key.get()) != EVP_PKEY_RSA) {
    return InvalidArgument("the private key is not an RSA key in PEM form");
  }
  nlohmann::json header = {{"alg", "RS256"}, {"typ", "JWT"}};
  if (!key_id.empty()) header["kid"] = key_id;
  std::string signed_part =
      Base64Url(DumpJson(header)) + "." + Base64Url(claims_json);

  Context context(EVP_MD_CTX_new());
  size_t length = static_cast<size_t>(EVP_PKEY_size(key.get()));
  std::string signature(length, '\0');
  bool good =
      EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                         key.get()) == 1 &&
      EVP_DigestSign(
          context.get(), reinterpret_cast<unsigned char*>(signature.data()),
          &length, reinterpret_cast<const unsigned char*>(signed_part.data()),
          signed_part.size()) == 1;
  ERR_clear_error();
  if (!good) return Internal("a token could not be signed");
  signature.resize(length);
  return signed_part + "." + Base64Url(signature);
}

}  // namespace strake::registry
