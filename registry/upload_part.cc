#include "registry/upload_part.h"

#include <algorithm>
#include <string>
#include <utility>

#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::registry {
namespace {

class PartSource final : public ByteSource {
 public:
  PartSource(std::unique_ptr<ByteSource> inner, uint64_t offset,
             uint64_t size_bytes, const BytesCallback& on_bytes)
      : inner_(std::move(inner)),
        position_(offset),
        end_(offset + size_bytes),
        on_bytes_(on_bytes) {}

  Result<size_t> Read(std::span<std::byte> buffer) override {
    uint64_t left = end_ - position_;
    buffer = buffer.first(std::min<uint64_t>(buffer.size(), left));
    if (buffer.empty()) return size_t{0};
    ASSIGN_OR_RETURN(size_t count, inner_->Read(buffer));
    if (count == 0) {
      return Corrupt("the local copy ends " + std::to_string(left) +
                     " bytes before its size");
    }
    position_ += count;
    if (on_bytes_) on_bytes_(position_);
    return count;
  }

 private:
  std::unique_ptr<ByteSource> inner_;
  uint64_t position_;
  uint64_t end_;
  const BytesCallback& on_bytes_;
};

}  // namespace

std::unique_ptr<ByteSource> OpenPart(std::unique_ptr<ByteSource> inner,
                                     uint64_t offset, uint64_t size_bytes,
                                     const BytesCallback& on_bytes) {
  return std::make_unique<PartSource>(std::move(inner), offset, size_bytes,
                                      on_bytes);
}

std::optional<uint64_t> ReceivedBytes(const HttpResponse& response) {
  std::string field = response.headers.Get("Range");
  std::string_view range = Trim(field);
  if (range.starts_with("bytes=")) range.remove_prefix(6);
  auto parts = SplitOnce(range, '-');
  if (!parts) return {};
  auto last = ParseUint(Trim(parts->second));
  if (!last || *last == ~uint64_t{0}) return {};
  return *last == 0 ? 0 : *last + 1;
}

}  // namespace strake::registry
