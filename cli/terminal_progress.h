// The live view of a build, in the manner of buildx.

#ifndef STRAKE_CLI_TERMINAL_PROGRESS_H_
#define STRAKE_CLI_TERMINAL_PROGRESS_H_

#include <string>

#include "builder/progress.h"
#include "cli/build_view.h"
#include "cli/live_display.h"

namespace strake::cli {

struct TerminalProgressOptions {
  int fd = 2;  // borrowed
  bool color = true;
  std::string verb = "Building";
  // False: the title is there only while a step runs, and nothing of it is
  // left behind, so that a command can have the terminal after its image came.
  bool keep_title = true;
};

// Its destructor leaves the ended steps and the closing title.
class TerminalProgress final : public builder::ProgressSink {
 public:
  explicit TerminalProgress(const TerminalProgressOptions& options);
  void OnEvent(const builder::ProgressEvent& event) override;

 private:
  BuildView view_;
  LiveDisplay display_;  // looks at `view_`
};

}  // namespace strake::cli

#endif  // STRAKE_CLI_TERMINAL_PROGRESS_H_
