// The live view on a terminal, in the manner of buildx: ended steps scroll up,
// below them a block of what runs is redrawn ten times a second at the most.

#ifndef STRAKE_CLI_TERMINAL_PROGRESS_H_
#define STRAKE_CLI_TERMINAL_PROGRESS_H_

#include <condition_variable>
#include <cstddef>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "builder/progress.h"
#include "cli/build_view.h"
#include "util/guarded.h"

namespace strake::cli {

struct TerminalProgressOptions {
  int fd = 2;  // borrowed
  bool color = true;
  std::string verb = "Building";
  // False: the title is there only while a step runs, and nothing of it is
  // left behind, so that a command can have the terminal after its image came.
  bool keep_title = true;
};

class TerminalProgress final : public builder::ProgressSink {
 public:
  explicit TerminalProgress(TerminalProgressOptions options);
  TerminalProgress(const TerminalProgress&) = delete;
  TerminalProgress& operator=(const TerminalProgress&) = delete;
  // Leaves the ended steps and the closing title.
  ~TerminalProgress() override;

  void OnEvent(const builder::ProgressEvent& event) override;

 private:
  struct Size {
    size_t columns = 80;
    size_t rows = 24;
  };
  struct State {
    explicit State(BuildView view) : view(std::move(view)) {}
    BuildView view;
    bool changed = false;
    bool ending = false;
  };

  void Tick();
  void Redraw(bool closing);
  Size TerminalSize() const;

  TerminalProgressOptions options_;
  Guarded<State> state_;
  std::condition_variable wake_;
  std::binary_semaphore ending_{0};  // ends the pause between two drawings
  // Of the thread that draws only: the widths of the lines of the block, and
  // of the terminal when it was drawn.
  std::vector<size_t> drawn_widths_;
  size_t drawn_columns_ = 0;
  std::thread ticker_;
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_TERMINAL_PROGRESS_H_
