#include "builder/sandbox/ask_child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "util/byte_stream.h"
#include "util/result_macros.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox {

Result<std::string> AskChild(const std::function<std::string()>& answer) {
  ASSIGN_OR_RETURN(Pipe pipe, MakePipe());
  const pid_t child = fork();
  if (child < 0) return ErrnoError("fork");
  if (child == 0) {
    const std::string text = answer();
    const ssize_t n = write(pipe.write_end.get(), text.data(), text.size());
    _exit(n == static_cast<ssize_t>(text.size()) ? 0 : 1);
  }
  pipe.write_end.reset();
  FdSource source(std::move(pipe.read_end));
  Result<std::string> text = ReadAll(source, 1 << 16);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!text || !text->empty()) return text;
  return Unsupported("the probe was killed by signal " +
                     std::to_string(WTERMSIG(status)));
}

}  // namespace strake::builder::sandbox
