// A live view on a terminal: lines that are done scroll up, below them a block
// of what goes on is redrawn ten times a second at the most.

#ifndef STRAKE_CLI_LIVE_DISPLAY_H_
#define STRAKE_CLI_LIVE_DISPLAY_H_

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "util/guarded.h"

namespace strake::cli {

struct ViewLine {
  enum class Kind { kTitle, kRunning, kDetail, kDone, kFailed, kCancelled };
  std::string text;  // at most as wide as asked for
  Kind kind = Kind::kDetail;
};

// What is to be shown, as lines; no terminal in it. Its display calls it from
// one thread at a time.
class LiveView {
 public:
  using Time = std::chrono::system_clock::time_point;
  virtual ~LiveView() = default;
  // What has ended since the last call: lines once and for all.
  virtual std::vector<ViewLine> TakeFinished(size_t columns) = 0;
  // What goes on at `now`, at most `rows` lines.
  virtual std::vector<ViewLine> Live(Time now, size_t columns,
                                     size_t rows) const = 0;
  // What stays when all is over.
  virtual std::vector<ViewLine> Closing(Time now, size_t columns) const = 0;
  // Whether nothing moves by itself.
  virtual bool idle() const = 0;
};

class LiveDisplay {
 public:
  struct Options {
    int fd = 2;  // borrowed
    bool color = true;
    // False: the block is there only while the view is not idle, and nothing of
    // it is left behind.
    bool keep_block = true;
  };

  // `view` is borrowed; from now on it is looked at under the display's lock.
  LiveDisplay(LiveView& view, Options options);
  LiveDisplay(const LiveDisplay&) = delete;
  LiveDisplay& operator=(const LiveDisplay&) = delete;
  // Draws what has ended and the view's closing lines.
  ~LiveDisplay();

  // Changes the view. Thread-safe.
  void Update(const std::function<void()>& change);

 private:
  struct Size {
    size_t columns = 80;
    size_t rows = 24;
  };
  struct State {
    LiveView* view = nullptr;
    bool changed = false;
    bool ending = false;
  };

  void Tick();
  void Redraw(bool closing);
  Size TerminalSize() const;

  Options options_;
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

#endif  // STRAKE_CLI_LIVE_DISPLAY_H_
