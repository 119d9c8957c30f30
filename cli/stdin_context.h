// `strake build -`: a build context, or only a Dockerfile, on standard input.

#ifndef STRAKE_CLI_STDIN_CONTEXT_H_
#define STRAKE_CLI_STDIN_CONTEXT_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::cli {

// Whether a stream that begins with `head` (up to 512 bytes of it) is a tar,
// plain or in gzip, bzip2, xz or zstd form.
bool LooksLikeArchive(std::string_view head);

class StdinContext {
 public:
  // Reads the beginning of `input` (borrowed) and tells from it what follows.
  static Result<std::unique_ptr<StdinContext>> Open(int input);

  StdinContext(const StdinContext&) = delete;
  StdinContext& operator=(const StdinContext&) = delete;
  // Ends the passing on of what nobody has read.
  ~StdinContext();

  // The tar from its first byte; an empty one where only a Dockerfile came.
  int tar_fd() const { return tar_.get(); }
  const std::optional<std::string>& dockerfile() const { return dockerfile_; }

 private:
  StdinContext() = default;

  UniqueFd tar_;
  UniqueFd stop_;  // closed: the pump ends
  std::optional<std::string> dockerfile_;
  std::thread pump_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_STDIN_CONTEXT_H_
