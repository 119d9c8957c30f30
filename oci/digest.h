// Content digests (image-spec descriptor.md, "Digests").
//
// strake writes sha256 only, and accepts only sha256: it is the one algorithm
// that every registry must support. Values are immutable; all functions are
// safe to call from any thread.

#ifndef STRAKE_OCI_DIGEST_H_
#define STRAKE_OCI_DIGEST_H_

#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "util/byte_stream.h"
#include "util/result.h"

namespace strake::oci {

class Digest {
 public:
  static constexpr size_t kBytes = 32;

  // All zero: "no digest"; no content is known to have it.
  Digest() = default;
  explicit Digest(const std::array<std::byte, kBytes>& bytes) : bytes_(bytes) {}

  // "sha256:" and 64 lower-case hexadecimal digits; anything else is
  // `kInvalidArgument` (another algorithm: `kUnsupported`).
  static Result<Digest> Parse(std::string_view text);
  static Digest Of(std::string_view content);

  bool empty() const { return *this == Digest(); }
  const std::array<std::byte, kBytes>& bytes() const { return bytes_; }
  std::string Hex() const;       // 64 digits
  std::string ToString() const;  // "sha256:<hex>"

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  std::array<std::byte, kBytes> bytes_{};
};

// Computes a digest piece by piece. Not thread-safe.
class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  void Update(std::span<const std::byte> data);
  void Update(std::string_view text);
  // The digest of everything so far; the hasher then starts anew.
  Digest Finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Hashes what passes through to `next` (borrowed, not finished).
class HashingSink final : public ByteSink {
 public:
  explicit HashingSink(ByteSink& next) : next_(next) {}
  using ByteSink::Write;
  Status Write(std::span<const std::byte> data) override;
  uint64_t size_bytes() const { return size_bytes_; }
  // Call once, after the last `Write`.
  Digest digest() { return hasher_.Finish(); }

 private:
  ByteSink& next_;
  Hasher hasher_;
  uint64_t size_bytes_ = 0;
};

// image-spec config.md, "Layer ChainID": the parent's chain ID (empty for the
// lowest layer) and a layer's diff ID give the chain ID of both.
Digest ChainId(const Digest& parent, const Digest& diff_id);

}  // namespace strake::oci

template <>
struct std::hash<strake::oci::Digest> {
  size_t operator()(const strake::oci::Digest& digest) const noexcept;
};

#endif  // STRAKE_OCI_DIGEST_H_
