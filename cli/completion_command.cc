// `strake completion`.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/command.h"
#include "cli/completion.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/suggest.h"

namespace strake::cli {
namespace {

const std::vector<std::string>& Shells() {
  static const std::vector<std::string> shells = {"bash", "zsh", "fish"};
  return shells;
}

class CompletionCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"SHELL", 1, 1, Completes::kNothing, false, Shells()});
  }
  Status Resolve(const Environment&,
                 std::vector<std::string> arguments) override {
    shell_ = std::move(arguments[0]);
    if (shell_ == "bash" || shell_ == "zsh" || shell_ == "fish") return {};
    return InvalidArgument("unknown shell \"" + shell_ + "\"" +
                           DidYouMean(shell_, Shells()) + "; there are " +
                           Join(Shells(), ", "));
  }
  Result<int> Run(Session&) override {
    std::string script = shell_ == "bash"  ? BashCompletion()
                         : shell_ == "zsh" ? ZshCompletion()
                                           : FishCompletion();
    RETURN_IF_ERROR(PrintOut(script));
    return kExitOk;
  }

 private:
  std::string shell_;
};

}  // namespace

std::unique_ptr<Command> MakeCompletionCommand() {
  return std::make_unique<CompletionCommand>();
}

}  // namespace strake::cli
