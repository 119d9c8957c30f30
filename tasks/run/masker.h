// Keeps secrets out of what is shown and stored.

#ifndef STRAKE_TASKS_RUN_MASKER_H_
#define STRAKE_TASKS_RUN_MASKER_H_

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace strake::tasks::run {

// What is to be hidden: immutable, shared by all streams of a run. Each line
// of a secret counts as one, since programs print them line by line; what is
// shorter than four bytes is not hidden: it would be found everywhere.
class Secrets {
 public:
  Secrets() = default;
  explicit Secrets(const std::vector<std::string>& values);

  // `text` with "***" for every secret.
  std::string Mask(std::string_view text) const;

 private:
  friend class MaskingStream;
  // Appends to `shown` what of `text` can be shown, and returns how much of it
  // was read: all, unless its end may be the beginning of a secret.
  //   last  nothing follows
  size_t Read(std::string_view text, bool last, std::string& shown) const;

  std::vector<std::string> values_;    // longest first
  std::array<bool, 256> begins_ = {};  // whether a secret begins with this byte
};

// One stream of output, which may be cut anywhere. Not thread-safe.
class MaskingStream {
 public:
  explicit MaskingStream(const Secrets& secrets) : secrets_(secrets) {}
  // What of the text so far can be shown.
  std::string Add(std::string_view text);
  // What was kept back, once nothing follows.
  std::string Finish();

 private:
  const Secrets& secrets_;
  std::string kept_;
};

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_MASKER_H_
