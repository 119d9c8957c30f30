// Sums, passwords and ciphers.

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/kdf.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tasks/gotmpl/sprig.h"
#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::gotmpl {
namespace {

using CipherContext =
    std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;

constexpr size_t kBlock = 16;  // bytes, of AES

unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* Bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Result<std::string> HexSum(const std::string& text, const EVP_MD* digest) {
  std::array<std::byte, EVP_MAX_MD_SIZE> sum{};
  unsigned length = 0;
  bool good = EVP_Digest(text.data(), text.size(),
                         reinterpret_cast<unsigned char*>(sum.data()), &length,
                         digest, nullptr) == 1;
  ERR_clear_error();
  if (!good) return Internal("a sum could not be computed");
  return HexEncode(std::span(sum).first(length));
}

// RFC 1950, in decimal.
std::string Adler32(const std::string& text) {
  constexpr uint32_t kPrime = 65521;
  uint32_t low = 1;
  uint32_t high = 0;
  for (char c : text) {
    low = (low + static_cast<unsigned char>(c)) % kPrime;
    high = (high + low) % kPrime;
  }
  return std::to_string((high << 16) | low);
}

// The password's first 32 bytes, filled up with zeros.
std::string AesKey(std::string password) {
  password.resize(32);
  return password;
}

Result<std::string> Crypt(const std::string& key, const std::string& iv,
                          const std::string& input, bool encrypt) {
  CipherContext context(EVP_CIPHER_CTX_new());
  std::string output(input.size() + kBlock, '\0');
  int first = 0;
  int last = 0;
  bool good =
      EVP_CipherInit_ex(context.get(), EVP_aes_256_cbc(), nullptr, Bytes(key),
                        Bytes(iv), encrypt ? 1 : 0) == 1 &&
      EVP_CipherUpdate(context.get(), Bytes(output), &first, Bytes(input),
                       static_cast<int>(input.size())) == 1 &&
      EVP_CipherFinal_ex(context.get(), Bytes(output) + first, &last) == 1;
  ERR_clear_error();
  if (!good) {
    return InvalidArgument(encrypt ? "AES-256-CBC failed"
                                   : "the text was not encrypted with this "
                                     "password");
  }
  output.resize(static_cast<size_t>(first + last));
  return output;
}

// Base64 of an initialisation vector and the padded ciphertext.
Result<std::string> EncryptAes(const std::string& password,
                               const std::string& text) {
  if (text.empty()) return std::string();
  std::string iv(kBlock, '\0');
  if (RAND_bytes(Bytes(iv), static_cast<int>(kBlock)) != 1) {
    return Internal("the random generator failed");
  }
  ASSIGN_OR_RETURN(std::string crypted,
                   Crypt(AesKey(password), iv, text, true));
  return Base64Encode(iv + crypted);
}

Result<std::string> DecryptAes(const std::string& password,
                               const std::string& encoded) {
  if (encoded.empty()) return std::string();
  auto bytes = Base64Decode(encoded);
  if (!bytes) return InvalidArgument("the text is not base64");
  if (bytes->size() < 2 * kBlock || bytes->size() % kBlock != 0) {
    return InvalidArgument("the text is too short to be encrypted with AES");
  }
  return Crypt(AesKey(password), bytes->substr(0, kBlock),
               bytes->substr(kBlock), false);
}

// What each letter of a template stands for (masterpassword algorithm 3).
std::string_view CharactersOf(char letter) {
  switch (letter) {
    case 'V':
      return "AEIOU";
    case 'C':
      return "BCDFGHJKLMNPQRSTVWXYZ";
    case 'v':
      return "aeiou";
    case 'c':
      return "bcdfghjklmnpqrstvwxyz";
    case 'A':
      return "AEIOUBCDFGHJKLMNPQRSTVWXYZ";
    case 'a':
      return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz";
    case 'n':
      return "0123456789";
    case 'o':
      return "@&%?,=[]_:-+*$#!'^~;()/.";
    default:
      return "AEIOUaeiouBCDFGHJKLMNPQRSTVWXYZbcdfghjklmnpqrstvwxyz"
             "0123456789!@#$%^&*()";
  }
}

// The templates of a type of password; none for a type that there is not.
const std::vector<std::string_view>& TemplatesOf(const std::string& type) {
  static const std::map<std::string, std::vector<std::string_view>, std::less<>>
      templates = {
          {"maximum", {"anoxxxxxxxxxxxxxxxxx", "axxxxxxxxxxxxxxxxxno"}},
          {"long", {"CvcvnoCvcvCvcv", "CvcvCvcvnoCvcv", "CvcvCvcvCvcvno",
                    "CvccnoCvcvCvcv", "CvccCvcvnoCvcv", "CvccCvcvCvcvno",
                    "CvcvnoCvccCvcv", "CvcvCvccnoCvcv", "CvcvCvccCvcvno",
                    "CvcvnoCvcvCvcc", "CvcvCvcvnoCvcc", "CvcvCvcvCvccno",
                    "CvccnoCvccCvcv", "CvccCvccnoCvcv", "CvccCvccCvcvno",
                    "CvcvnoCvccCvcc", "CvcvCvccnoCvcc", "CvcvCvccCvccno",
                    "CvccnoCvcvCvcc", "CvccCvcvnoCvcc", "CvccCvcvCvccno"}},
          {"medium", {"CvcnoCvc", "CvcCvcno"}},
          {"short", {"Cvcn"}},
          {"basic", {"aaanaaan", "aannaaan", "aaannaaa"}},
          {"pin", {"nnnn"}},
      };
  static const std::vector<std::string_view> none;
  auto found = templates.find(type);
  return found == templates.end() ? none : found->second;
}

std::string BigEndian(size_t number) {
  std::string bytes;
  for (int shift : {24, 16, 8, 0}) {
    bytes += static_cast<char>((number >> shift) & 0xff);
  }
  return bytes;
}

Result<std::string> MasterKey(const std::string& password,
                              const std::string& salt) {
  std::string key(64, '\0');
  bool good = EVP_PBE_scrypt(password.data(), password.size(), Bytes(salt),
                             salt.size(), 32768, 8, 2, uint64_t{128} << 20,
                             Bytes(key), key.size()) == 1;
  ERR_clear_error();
  if (!good) return Internal("scrypt failed");
  return key;
}

// The Master Password algorithm (masterpassword.app).
Result<std::string> DerivePassword(int64_t counter, const std::string& type,
                                   const std::string& password,
                                   const std::string& user,
                                   const std::string& site) {
  const auto& templates = TemplatesOf(type);
  // sprig gives this for the password.
  if (templates.empty()) return "cannot find password template " + type;
  const std::string scope = "com.lyndir.masterpassword";
  ASSIGN_OR_RETURN(std::string key,
                   MasterKey(password, scope + BigEndian(user.size()) + user));
  std::string message = scope + BigEndian(site.size()) + site +
                        BigEndian(static_cast<uint32_t>(counter));
  std::array<unsigned char, EVP_MAX_MD_SIZE> seed{};
  unsigned length = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           Bytes(message), message.size(), seed.data(), &length) == nullptr) {
    ERR_clear_error();
    return Internal("HMAC failed");
  }
  std::string_view pattern = templates[seed[0] % templates.size()];
  std::string derived;
  for (size_t i = 0; i < pattern.size(); ++i) {
    std::string_view characters = CharactersOf(pattern[i]);
    derived += characters[seed[i + 1] % characters.size()];
  }
  return derived;
}

}  // namespace

void AddSprigCrypto(Functions& functions) {
  AddFunction(functions, "sha1sum",
              [](std::string text) { return HexSum(text, EVP_sha1()); });
  AddFunction(functions, "sha256sum",
              [](std::string text) { return HexSum(text, EVP_sha256()); });
  AddFunction(functions, "adler32sum", Adler32);
  AddFunction(functions, "encryptAES", EncryptAes);
  AddFunction(functions, "decryptAES", DecryptAes);
  // scrypt takes 64 MB and its time.
  AddFunction(functions, "derivePassword",
              [](Context& context, int64_t counter, std::string type,
                 std::string password, std::string user,
                 std::string site) -> Result<std::string> {
                RETURN_IF_ERROR(context.Charge(kSlowFunction));
                return DerivePassword(counter, type, password, user, site);
              });
}

}  // namespace strake::tasks::gotmpl
