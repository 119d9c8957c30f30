#include "cli/terminal_progress.h"

#include <chrono>

namespace strake::cli {

TerminalProgress::TerminalProgress(const TerminalProgressOptions& options)
    : view_(options.verb, std::chrono::system_clock::now()),
      display_(view_, {.fd = options.fd,
                       .color = options.color,
                       .keep_block = options.keep_title}) {}

void TerminalProgress::OnEvent(const builder::ProgressEvent& event) {
  display_.Update([&] { view_.Add(event); });
}

}  // namespace strake::cli
