#include "oci/digest.h"

#include <openssl/evp.h>

#include <cstring>

#include "util/c_handle.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::oci {
namespace {

using EvpMdCtx = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;

}  // namespace

Result<Digest> Digest::Parse(std::string_view text) {
  auto parts = SplitOnce(text, ':');
  auto quoted = [&] { return '"' + std::string(text) + '"'; };
  if (!parts) return InvalidArgument(quoted() + " is not a digest");
  if (parts->first != "sha256") {
    return Unsupported("digest " + quoted() +
                       ": only sha256 digests are supported");
  }
  auto bytes = HexDecode(parts->second);
  if (!bytes || bytes->size() != kBytes) {
    return InvalidArgument(
        quoted() + " is not a sha256 digest: 64 digits 0-9a-f must follow");
  }
  Digest digest;
  std::memcpy(digest.bytes_.data(), bytes->data(), kBytes);
  return digest;
}

Digest Digest::Of(std::string_view content) {
  Hasher hasher;
  hasher.Update(content);
  return hasher.Finish();
}

std::string Digest::Hex() const { return HexEncode(bytes_); }
std::string Digest::ToString() const { return "sha256:" + Hex(); }

struct Hasher::State {
  EvpMdCtx context{EVP_MD_CTX_new()};
  void Start() { EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) { state_->Start(); }
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::Update(std::span<const std::byte> data) {
  EVP_DigestUpdate(state_->context.get(), data.data(), data.size());
}

void Hasher::Update(std::string_view text) {
  Update(std::as_bytes(std::span(text.data(), text.size())));
}

Digest Hasher::Finish() {
  std::array<std::byte, Digest::kBytes> bytes;
  EVP_DigestFinal_ex(state_->context.get(),
                     reinterpret_cast<unsigned char*>(bytes.data()), nullptr);
  state_->Start();
  return Digest(bytes);
}

Status HashingSink::Write(std::span<const std::byte> data) {
  hasher_.Update(data);
  size_bytes_ += data.size();
  return next_.Write(data);
}

Digest ChainId(const Digest& parent, const Digest& diff_id) {
  if (parent.empty()) return diff_id;
  return Digest::Of(parent.ToString() + " " + diff_id.ToString());
}

}  // namespace strake::oci

size_t std::hash<strake::oci::Digest>::operator()(
    const strake::oci::Digest& digest) const noexcept {
  // The bytes of a cryptographic hash need no further mixing.
  size_t value;
  std::memcpy(&value, digest.bytes().data(), sizeof value);
  return value;
}
