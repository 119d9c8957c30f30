#include "tasks/store/secret_box.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <memory>
#include <utility>

#include "util/atomic_file.h"
#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::tasks::store {
namespace {

constexpr size_t kKeyBytes = 32;
constexpr size_t kNonceBytes = 12;
constexpr size_t kTagBytes = 16;
constexpr std::string_view kVersion = "v1";

using CipherCtx =
    std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;

unsigned char* Bytes(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}
const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Result<std::string> Random(size_t size) {
  std::string bytes(size, '\0');
  if (RAND_bytes(Bytes(bytes), static_cast<int>(size)) != 1) {
    return Internal("OpenSSL has no random numbers");
  }
  return bytes;
}

// The first eight digits of the key's SHA-256.
std::string KeyId(std::string_view key) {
  std::array<std::byte, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(key.data(), key.size(),
             reinterpret_cast<unsigned char*>(digest.data()), &size,
             EVP_sha256(), nullptr);
  return HexEncode(std::span(digest).first(4));
}

// A new key as the file `path`; another process's that came first stays.
Status MakeKeyFile(const std::string& path) {
  ASSIGN_OR_RETURN(std::string key, Random(kKeyBytes));
  const std::string made = RandomName(path + ".");
  RETURN_IF_ERROR(WriteFileAtomically(made, Base64Encode(key) + "\n",
                                      {.mode = 0600, .sync = true}));
  int linked = ::link(made.c_str(), path.c_str());
  int failure = errno;
  ::unlink(made.c_str());
  if (linked != 0 && failure != EEXIST) {
    return ErrnoError("make the key file " + path, failure);
  }
  return {};
}

Result<std::string> ReadKeyFile(const std::string& path) {
  ASSIGN_OR_RETURN(UniqueFd file, OpenFile(path.c_str(), O_RDONLY));
  struct stat st;
  if (::fstat(file.get(), &st) != 0) return ErrnoError("key file " + path);
  if ((st.st_mode & 077) != 0) {
    return Error(ErrorCode::kUnauthorized,
                 "key file " + path +
                     ": others than its owner may use it; take that from them "
                     "(chmod 600)");
  }
  std::array<char, 256> text;
  ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return ErrnoError("key file " + path);
  auto key = Base64Decode(
      Trim(std::string_view(text.data(), static_cast<size_t>(size))));
  if (!key || key->size() != kKeyBytes) {
    return Corrupt("key file " + path + ": not 32 bytes in Base64");
  }
  return *key;
}

}  // namespace

SecretBox::SecretBox(std::string path, std::string key)
    : path_(std::move(path)), key_(std::move(key)), key_id_(KeyId(key_)) {}

Result<SecretBox> SecretBox::Open(const std::string& path) {
  auto key = ReadKeyFile(path);
  if (!key && key.error().code() == ErrorCode::kNotFound) {
    RETURN_IF_ERROR(MakeKeyFile(path));
    key = ReadKeyFile(path);
  }
  if (!key) return std::move(key).error();
  return SecretBox(path, *std::move(key));
}

Result<std::string> SecretBox::Seal(std::string_view text,
                                    std::string_view purpose) const {
  ASSIGN_OR_RETURN(std::string sealed, Random(kNonceBytes));
  std::string secret(text.size() + EVP_MAX_BLOCK_LENGTH, '\0');
  std::string tag(kTagBytes, '\0');
  CipherCtx context(EVP_CIPHER_CTX_new());
  int size = 0, last = 0;
  bool done =
      context != nullptr &&
      EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                         Bytes(std::string_view(key_)),
                         Bytes(std::string_view(sealed))) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &size, Bytes(purpose),
                        static_cast<int>(purpose.size())) == 1 &&
      EVP_EncryptUpdate(context.get(), Bytes(secret), &size, Bytes(text),
                        static_cast<int>(text.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), Bytes(secret) + size, &last) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, kTagBytes,
                          Bytes(tag)) == 1;
  if (!done) return Internal("OpenSSL could not encrypt with AES-256-GCM");
  secret.resize(static_cast<size_t>(size + last));
  return std::string(kVersion) + "." + key_id_ + "." +
         Base64Encode(sealed + secret + tag);
}

Result<std::string> SecretBox::Unseal(std::string_view sealed,
                                      std::string_view purpose) const {
  const std::string what = "the secret of " + std::string(purpose);
  std::vector<std::string_view> parts = Split(sealed, '.');
  if (parts.size() != 3 || parts[0] != kVersion) {
    return Corrupt(what + ": not a sealed text");
  }
  if (parts[1] != key_id_) {
    return Error(ErrorCode::kUnauthorized,
                 what + " was sealed with the key " + std::string(parts[1]) +
                     ", and " + path_ + " has the key " + key_id_);
  }
  auto bytes = Base64Decode(parts[2]);
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) {
    return Corrupt(what + ": damaged");
  }
  std::string_view all = *bytes;
  std::string_view secret =
      all.substr(kNonceBytes, all.size() - kNonceBytes - kTagBytes);
  std::string tag(all.substr(all.size() - kTagBytes));
  std::string text(secret.size() + EVP_MAX_BLOCK_LENGTH, '\0');
  CipherCtx context(EVP_CIPHER_CTX_new());
  int size = 0, last = 0;
  bool done =
      context != nullptr &&
      EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr,
                         Bytes(std::string_view(key_)), Bytes(all)) == 1 &&
      EVP_DecryptUpdate(context.get(), nullptr, &size, Bytes(purpose),
                        static_cast<int>(purpose.size())) == 1 &&
      EVP_DecryptUpdate(context.get(), Bytes(text), &size, Bytes(secret),
                        static_cast<int>(secret.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, kTagBytes,
                          Bytes(tag)) == 1 &&
      EVP_DecryptFinal_ex(context.get(), Bytes(text) + size, &last) == 1;
  if (!done) return Corrupt(what + ": damaged, or sealed for something else");
  text.resize(static_cast<size_t>(size + last));
  return text;
}

}  // namespace strake::tasks::store
