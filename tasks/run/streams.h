// Where a command's input comes from and its output goes.

#ifndef STRAKE_TASKS_RUN_STREAMS_H_
#define STRAKE_TASKS_RUN_STREAMS_H_

#include <functional>
#include <string_view>

namespace strake::tasks::run {

// A value. The descriptors are borrowed, or -1: no input, and output goes to
// `on_output`.
struct Streams {
  int stdin_fd = -1;
  int stdout_fd = -1;
  int stderr_fd = -1;
  //   stream  1 or 2
  std::function<void(int stream, std::string_view text)> on_output;

  // To standard output or standard error; nobody there to read is no error.
  void Out(std::string_view text) const { Write(1, stdout_fd, text); }
  void Err(std::string_view text) const { Write(2, stderr_fd, text); }
  // Whether somebody may still read standard output: not where it is a pipe
  // whose other end is closed.
  bool HasReader() const;

 private:
  void Write(int stream, int fd, std::string_view text) const;
};

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_STREAMS_H_
