// `strake task render`: a task file after aliases and templates.

#include <memory>
#include <utility>

#include "cli/command.h"
#include "cli/task_flags.h"
#include "tasks/file/task_file.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::cli {
namespace {

class TaskRenderCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"[FILE]", 0, 1, Completes::kFiles});
    flags_.Declare(options);
  }

  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override {
    if (!arguments.empty()) file_ = arguments[0];
    return flags_.Check(environment);
  }

  Result<int> Run(Session& session) override {
    ASSIGN_OR_RETURN(
        TaskRequest request,
        flags_.Load(session.environment, file_, session.interrupt.token()));
    ASSIGN_OR_RETURN(tasks::file::TaskText rendered,
                     tasks::file::RenderTaskFile(request.source));
    std::string text = std::move(rendered.text);
    for (const std::string& secret : request.secret_values) {
      if (!secret.empty()) text = ReplaceAll(text, secret, "***");
    }
    if (!text.ends_with('\n')) text += '\n';
    RETURN_IF_ERROR(PrintOut(text));
    return kExitOk;
  }

 private:
  TaskFlags flags_;
  std::string file_ = "acb.yaml";
};

}  // namespace

std::unique_ptr<Command> MakeTaskRenderCommand() {
  return std::make_unique<TaskRenderCommand>();
}

}  // namespace strake::cli
