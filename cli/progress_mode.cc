#include "cli/progress_mode.h"

#include <unistd.h>

#include "cli/json_progress.h"
#include "cli/plain_progress.h"
#include "cli/terminal_progress.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::cli {
namespace {

class QuietProgress final : public builder::ProgressSink {
 public:
  void OnEvent(const builder::ProgressEvent&) override {}
};

}  // namespace

Result<ProgressMode> ChooseProgress(std::string_view text,
                                    const Environment& environment) {
  if (text.empty() || text == "auto") {
    bool can_move_cursor = environment.stderr_is_terminal &&
                           environment.Get("TERM").value_or("dumb") != "dumb";
    return can_move_cursor ? ProgressMode::kTty : ProgressMode::kPlain;
  }
  if (text == "tty") {
    if (environment.stderr_is_terminal) return ProgressMode::kTty;
    return InvalidArgument(
        "--progress tty: standard error is not a terminal; use plain or auto");
  }
  if (text == "plain") return ProgressMode::kPlain;
  if (text == "quiet" || text == "none") return ProgressMode::kQuiet;
  if (text == "rawjson") return ProgressMode::kRawJson;
  std::vector<std::string> modes = {"auto", "tty", "plain", "quiet", "rawjson"};
  return InvalidArgument("unknown progress \"" + std::string(text) + "\"" +
                         DidYouMean(text, modes) + "; there are " +
                         Join(modes, ", "));
}

std::unique_ptr<builder::ProgressSink> MakeProgress(
    ProgressMode mode, const Environment& environment,
    const ProgressTitle& title) {
  switch (mode) {
    case ProgressMode::kTty: {
      TerminalProgressOptions options;
      options.fd = STDERR_FILENO;
      options.color = !environment.Get("NO_COLOR");
      options.verb = title.verb;
      options.keep_title = title.keep;
      return std::make_unique<TerminalProgress>(options);
    }
    case ProgressMode::kPlain:
      return std::make_unique<PlainProgress>(STDERR_FILENO);
    case ProgressMode::kRawJson:
      return std::make_unique<JsonProgress>(STDERR_FILENO);
    case ProgressMode::kQuiet:
      break;
  }
  return std::make_unique<QuietProgress>();
}

}  // namespace strake::cli
