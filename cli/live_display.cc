// Redrawing: the cursor stands below the block. To draw anew it goes up by as
// many rows as the block has, overwrites each line and clears what is left of
// it, all in one write, so that no half-drawn state is ever shown. Where the
// terminal has become narrower meanwhile, the block's lines have been wrapped
// and take more rows: their widths tell how many.

#include "cli/live_display.h"

#include <sys/ioctl.h>

#include <algorithm>
#include <chrono>
#include <span>
#include <utility>

#include "cli/display_text.h"
#include "util/byte_stream.h"

namespace strake::cli {
namespace {

using Clock = std::chrono::system_clock;

constexpr std::chrono::milliseconds kInterval{100};

std::string_view ColorOf(ViewLine::Kind kind) {
  switch (kind) {
    case ViewLine::Kind::kDone:
      return "\033[34m";  // blue
    case ViewLine::Kind::kFailed:
      return "\033[31m";  // red
    case ViewLine::Kind::kCancelled:
      return "\033[33m";  // yellow
    case ViewLine::Kind::kDetail:
      return "\033[2m";  // faint
    case ViewLine::Kind::kTitle:
    case ViewLine::Kind::kRunning:
      return "";
  }
  return "";
}

void Append(const ViewLine& line, bool color, std::string& out) {
  std::string_view start = color ? ColorOf(line.kind) : "";
  out += start;
  out += line.text;
  if (!start.empty()) out += "\033[0m";
  out += "\033[K\r\n";
}

}  // namespace

LiveDisplay::LiveDisplay(LiveView& view, Options options) : options_(options) {
  state_.lock()->view = &view;
  ticker_ = std::thread([this] { Tick(); });
}

LiveDisplay::~LiveDisplay() {
  state_.lock()->ending = true;
  wake_.notify_all();
  ending_.release();
  ticker_.join();
  Redraw(/*closing=*/true);
}

void LiveDisplay::Update(const std::function<void()>& change) {
  {
    auto state = state_.lock();
    change();
    state->changed = true;
  }
  wake_.notify_all();
}

// While something runs its time moves, so the block is drawn at each interval;
// otherwise only when something has changed.
void LiveDisplay::Tick() {
  while (true) {
    {
      auto state = state_.lock();
      state.Wait(wake_, [](const State& current) {
        return current.changed || current.ending || !current.view->idle();
      });
      if (state->ending) return;
      state->changed = false;
    }
    Redraw(/*closing=*/false);
    if (ending_.try_acquire_for(kInterval)) return;
  }
}

LiveDisplay::Size LiveDisplay::TerminalSize() const {
  winsize window = {};
  if (ioctl(options_.fd, TIOCGWINSZ, &window) != 0 || window.ws_col == 0) {
    return {};
  }
  // The last column stays free: some terminals take a full line for one that
  // goes on in the next. A serial line says 0 rows.
  return {std::max<size_t>(window.ws_col, 2) - 1,
          std::max<size_t>(window.ws_row, 3)};
}

void LiveDisplay::Redraw(bool closing) {
  Size size = TerminalSize();
  std::vector<ViewLine> finished;
  std::vector<ViewLine> live;
  {
    auto state = state_.lock();
    finished = state->view->TakeFinished(size.columns);
    if (closing) {
      if (options_.keep_block) {
        live = state->view->Closing(Clock::now(), size.columns);
      }
    } else if (options_.keep_block || !state->view->idle()) {
      live = state->view->Live(Clock::now(), size.columns, size.rows - 1);
    }
  }
  size_t rows_up = 0;
  for (size_t width : drawn_widths_) {
    rows_up += (std::max<size_t>(width, 1) + size.columns) / (size.columns + 1);
  }
  // What has scrolled off the top cannot be reached.
  rows_up = std::min(rows_up, size.rows - 1);
  std::string out;
  if (rows_up > 0) out += "\033[" + std::to_string(rows_up) + "A\r";
  // Overwritten rows that were wrapped would stay marked as one line, and be
  // joined again by the next change of width.
  if (size.columns != drawn_columns_) out += "\033[J";
  drawn_columns_ = size.columns;
  for (const ViewLine& line : finished) Append(line, options_.color, out);
  for (const ViewLine& line : live) Append(line, options_.color, out);
  out += "\033[J";
  drawn_widths_.clear();
  for (const ViewLine& line : live) {
    drawn_widths_.push_back(DisplayWidth(line.text));
  }
  [[maybe_unused]] Status written =
      WriteFully(options_.fd, std::as_bytes(std::span(out)));
}

}  // namespace strake::cli
