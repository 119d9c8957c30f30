// `strake task graph`: which step of a task waits for which.

#include <memory>
#include <utility>

#include "cli/command.h"
#include "cli/task_flags.h"
#include "cli/task_graph.h"
#include "tasks/file/task_file.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

class TaskGraphCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments({"[FILE]", 0, 1, Completes::kFiles});
    options.Value("--format", format_,
                  {"FORMAT", Completes::kNothing, {"text", "dot", "svg"}},
                  "How the graph is written");
    flags_.Declare(options);
  }

  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override {
    if (!arguments.empty()) file_ = arguments[0];
    if (format_ != "text" && format_ != "dot" && format_ != "svg") {
      return InvalidArgument("--format " + format_ +
                             ": expected text, dot or svg");
    }
    return flags_.Check(environment);
  }

  Result<int> Run(Session& session) override {
    ASSIGN_OR_RETURN(
        TaskRequest request,
        flags_.Load(session.environment, file_, session.interrupt.token()));
    ASSIGN_OR_RETURN(tasks::file::ReadTask read,
                     tasks::file::ReadTaskFile(request.source));
    RETURN_IF_ERROR(PrintOut(Draw(read.task)));
    return kExitOk;
  }

 private:
  std::string Draw(const tasks::file::Task& task) const {
    if (format_ == "dot") return GraphDot(task);
    return format_ == "svg" ? GraphSvg(task) : GraphText(task);
  }

  TaskFlags flags_;
  std::string file_ = "acb.yaml";
  std::string format_ = "text";
};

}  // namespace

std::unique_ptr<Command> MakeTaskGraphCommand() {
  return std::make_unique<TaskGraphCommand>();
}

}  // namespace strake::cli
