#include "tasks/run/masker.h"

#include <algorithm>
#include <utility>

#include "util/strings.h"

namespace strake::tasks::run {
namespace {

constexpr size_t kShortest = 4;
constexpr std::string_view kMask = "***";

}  // namespace

Secrets::Secrets(const std::vector<std::string>& values) {
  for (const std::string& value : values) {
    for (std::string_view line : Split(value, '\n')) {
      line = Trim(line);
      if (line.size() >= kShortest) values_.emplace_back(line);
    }
  }
  std::ranges::sort(values_, [](const std::string& a, const std::string& b) {
    return a.size() != b.size() ? a.size() > b.size() : a < b;
  });
  values_.erase(std::unique(values_.begin(), values_.end()), values_.end());
  for (const std::string& value : values_) {
    begins_[static_cast<unsigned char>(value[0])] = true;
  }
}

size_t Secrets::Read(std::string_view text, bool last,
                     std::string& shown) const {
  size_t at = 0;
  while (at < text.size()) {
    if (!begins_[static_cast<unsigned char>(text[at])]) {
      shown += text[at++];
      continue;
    }
    const std::string_view rest = text.substr(at);
    // The longest one first: a shorter one may be its beginning.
    auto found = std::ranges::find_if(values_, [&](const std::string& value) {
      return rest.starts_with(value) ||
             (!last && std::string_view(value).starts_with(rest));
    });
    if (found == values_.end()) {
      shown += text[at++];
    } else if (rest.size() < found->size()) {
      return at;
    } else {
      shown += kMask;
      at += found->size();
    }
  }
  return at;
}

std::string Secrets::Mask(std::string_view text) const {
  std::string masked;
  Read(text, /*last=*/true, masked);
  return masked;
}

std::string MaskingStream::Add(std::string_view text) {
  if (secrets_.values_.empty()) return std::string(text);
  kept_ += text;
  std::string shown;
  kept_.erase(0, secrets_.Read(kept_, /*last=*/false, shown));
  return shown;
}

std::string MaskingStream::Finish() {
  return secrets_.Mask(std::exchange(kept_, {}));
}

}  // namespace strake::tasks::run
