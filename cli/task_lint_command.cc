// `strake task lint`: task files checked without running them.

#include <algorithm>
#include <memory>
#include <utility>

#include "cli/command.h"
#include "cli/task_flags.h"
#include "tasks/file/lint.h"
#include "util/result_macros.h"

namespace strake::cli {
namespace {

using tasks::file::Problem;
using tasks::file::Severity;

std::string Line(const std::string& file, const Problem& problem) {
  return file + ":" + std::to_string(problem.place.line) + ":" +
         std::to_string(problem.place.column) +
         (problem.severity == Severity::kError ? ": error: " : ": warning: ") +
         problem.message + "\n";
}

bool IsBefore(const Problem& a, const Problem& b) {
  return std::pair(a.place.line, a.place.column) <
         std::pair(b.place.line, b.place.column);
}

class TaskLintCommand final : public Command {
 public:
  void Declare(OptionSet& options) override {
    options.SetArguments(
        {"[FILE...]", 0, OptionSet::kAnyNumber, Completes::kFiles});
    flags_.Declare(options);
  }

  Status Resolve(const Environment& environment,
                 std::vector<std::string> arguments) override {
    files_ = std::move(arguments);
    if (files_.empty()) files_ = {"acb.yaml"};
    return flags_.Check(environment);
  }

  Result<int> Run(Session& session) override {
    int status = kExitOk;
    for (const std::string& file : files_) {
      ASSIGN_OR_RETURN(
          TaskRequest request,
          flags_.Load(session.environment, file, session.interrupt.token()));
      std::vector<Problem> problems = tasks::file::LintTaskFile(request.source);
      std::ranges::stable_sort(problems, IsBefore);
      for (const Problem& problem : problems) {
        if (problem.severity == Severity::kError) status = kExitFailed;
        RETURN_IF_ERROR(PrintOut(Line(request.source.file, problem)));
      }
    }
    return status;
  }

 private:
  TaskFlags flags_;
  std::vector<std::string> files_;
};

}  // namespace

std::unique_ptr<Command> MakeTaskLintCommand() {
  return std::make_unique<TaskLintCommand>();
}

}  // namespace strake::cli
