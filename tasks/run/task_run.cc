#include "tasks/run/task_run.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "tasks/run/deadline.h"
#include "tasks/run/docker_socket.h"
#include "tasks/run/path_map.h"
#include "tasks/run/run_line.h"
#include "tasks/run/step_outputs.h"
#include "tasks/run/step_runner.h"
#include "tasks/run/task_graph.h"
#include "util/atomic_file.h"
#include "util/guarded.h"
#include "util/json.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

Time Now() { return std::chrono::system_clock::now(); }

// What a condition's text means.
bool IsTrue(std::string_view text) {
  const std::string word = ToLower(Trim(text));
  for (std::string_view no :
       {"", "false", "0", "no", "n", "off", "<no value>"}) {
    if (word == no) return false;
  }
  return true;
}

class Run {
 public:
  Run(RunSpace& space, const LateText& late, RunRecord& record)
      : space_(space), late_(late), shared_(Shared(&record)) {
    shared_.lock()->outputs.resize(record.steps.size());
  }

  void Execute(std::chrono::seconds timeout, const std::stop_token& stop) {
    shared_.lock()->record->started = Now();
    Save();
    auto deadline = Deadline::Make(timeout, stop);
    if (!deadline) {
      Finish(RunStatus::kFailed, deadline.error().message());
      return;
    }
    const std::stop_token token = (*deadline)->token();
    Status begun = Begin();
    if (!begun && !token.stop_requested()) {
      Finish(RunStatus::kFailed, begun.error().message());
      return;
    }
    std::vector<std::vector<size_t>> after;
    for (const file::Step& step : space_.task.steps)
      after.push_back(step.after);
    const auto failure = RunGraph(
        after,
        [this](size_t step, std::stop_token step_stop) {
          return ExecuteStep(step, std::move(step_stop));
        },
        token);
    End();
    Conclude(failure, (*deadline)->passed(), stop.stop_requested());
  }

 private:
  // What steps need before the first of them starts.
  Status Begin() {
    const bool any_cmd =
        std::ranges::any_of(space_.task.steps, [](const file::Step& step) {
          return step.kind == file::StepKind::kCmd;
        });
    for (const file::Network& network : space_.task.networks) {
      if (network.skip_creation) continue;
      space_.log.Line("Creating Docker network: " + network.name +
                      ", driver: '" + network.driver + "'");
      space_.log.Line("Successfully set up Docker network: " + network.name);
    }
    if (any_cmd) {
      ASSIGN_OR_RETURN(builder::Containers * containers,
                       space_.containers.Get());
      const std::string note = containers->network_note();
      shared_.lock()->record->network = note;
      space_.log.Line("Network of the steps: " + note);
    }
    ASSIGN_OR_RETURN(
        socket_,
        DockerSocket::Listen(
            space_.folder.sockets(),
            [this](const Invocation& invocation, std::stop_token stop) {
              return AnswerDocker(space_, invocation, std::move(stop));
            }));
    return {};
  }

  // Stops what still runs: detached services, and scripts that call docker.
  void End() {
    // Those first: they may be about to start more.
    socket_.reset();
    space_.table.StopAll();
    for (size_t i = 0; i < space_.steps.size(); ++i) space_.log.EndOutput(i);
  }

  Status ExecuteStep(size_t index, std::stop_token stop) {
    StepRecord step;
    {
      auto shared = shared_.lock();
      StepRecord& own = shared->record->steps[index];
      own.started = Now();
      own.state = StepState::kInProgress;
      step = own;
    }
    Tell(index, step);
    auto skipped = Prepare(index);
    Status done;
    if (!skipped) {
      done = std::move(skipped).error();
    } else if (!*skipped) {
      done = RunStep(space_, index, step, stop);
      if (done) done = ReadOutputs(index, step);
    }
    step.finished = Now();
    step.state = skipped && *skipped ? StepState::kSkipped
                 : done              ? StepState::kSuccessful
                                     : StepState::kFailed;
    if (!done) step.error = space_.log.Mask(done.error().message());
    if (!done && space_.steps[index].ignore_errors && !stop.stop_requested()) {
      space_.log.Line("Step ID: " + step.id +
                      " encountered an error: " + step.error +
                      ", but is set to ignore errors. Continuing...");
      step.state = StepState::kSuccessful;
      done = {};
    }
    shared_.lock()->record->steps[index] = step;
    Tell(index, step);
    return done;
  }

  void Tell(size_t index, const StepRecord& step) {
    space_.log.Step(index, step);
    SaveNowAndThen();
  }

  // Renders what was left of the step's templates; whether its `if:` says that
  // it is not to run.
  Result<bool> Prepare(size_t index) {
    if (!space_.task.is_strake()) return false;
    file::Step& step = space_.steps[index];
    const std::string known = KnownSteps();
    for (std::string* text :
         {&step.condition, &step.cmd, &step.build, &step.entry_point,
          &step.working_directory, &step.user}) {
      if (text->find("{{") == std::string::npos) continue;
      ASSIGN_OR_RETURN(*text, late_(step, *text, known));
    }
    for (std::vector<std::string>* list :
         {&step.env, &step.push, &step.ports}) {
      for (std::string& text : *list) {
        if (text.find("{{") == std::string::npos) continue;
        ASSIGN_OR_RETURN(text, late_(step, text, known));
      }
    }
    if (!step.condition.empty() && !IsTrue(step.condition)) {
      space_.log.Line("Step ID: " + step.id + " is skipped: its `if:` is \"" +
                      step.condition + "\"");
      return true;
    }
    if (step.outputs) {
      step.env.push_back("STRAKE_OUTPUT=" + OutputsPath(kHome, index));
    }
    return false;
  }

  static std::string OutputsPath(std::string_view home, size_t index) {
    return std::string(home) + "/.strake-output-" + std::to_string(index);
  }

  Status ReadOutputs(size_t index, StepRecord& step) {
    if (!space_.steps[index].outputs) return {};
    auto text = ReadShared(space_, OutputsPath(kHome, index), "$STRAKE_OUTPUT");
    // A step that has nothing to tell writes no file.
    if (!text && text.error().code() == ErrorCode::kNotFound) return {};
    if (!text) return std::move(text).error();
    auto outputs = ParseOutputs(*text);
    if (!outputs) return std::move(outputs).error().Wrap("$STRAKE_OUTPUT");
    for (const auto& [key, value] : *outputs) {
      step.outputs[key] = space_.log.Mask(value);
    }
    shared_.lock()->outputs[index] = *std::move(outputs);
    return {};
  }

  // `.Steps` of late templates.
  std::string KnownSteps() {
    nlohmann::json known = nlohmann::json::object();
    auto shared = shared_.lock();
    for (size_t i = 0; i < space_.task.steps.size(); ++i) {
      const StepRecord& step = shared->record->steps[i];
      nlohmann::json& one = known[space_.task.steps[i].id];
      one["Outputs"] = shared->outputs[i];
      one["Status"] = StepStateName(step.state);
      one["ExitCode"] = step.exit_code.value_or(0);
    }
    return DumpJson(known);
  }

  void Conclude(const std::optional<StepFailure>& failure, bool timed_out,
                bool cancelled) {
    if (cancelled) {
      Finish(RunStatus::kCanceled, "the run was cancelled");
      return;
    }
    if (timed_out) {
      Finish(RunStatus::kTimeout, "the run timed out");
      return;
    }
    if (failure) {
      const std::string& id = space_.task.steps[failure->step].id;
      Finish(RunStatus::kFailed,
             "failed to run step ID: " + id + ": " + failure->error.message());
      return;
    }
    Summarise();
    Finish(RunStatus::kSucceeded, "");
  }

  // What ACR prints of a run that succeeded. No step runs any more.
  void Summarise() {
    FindDependencies();
    const RunRecord record = *shared_.lock()->record;
    for (const StepRecord& step : record.steps) {
      if (step.state == StepState::kSkipped) continue;
      const double seconds =
          std::chrono::duration<double>(*step.finished - *step.started).count();
      std::array<char, 32> text = {};
      std::snprintf(text.data(), text.size(), "%.6f", seconds);
      space_.log.Line("Step ID: " + step.id +
                      " marked as successful (elapsed time in seconds: " +
                      text.data() + ")");
    }
    if (record.dependencies.empty()) return;
    space_.log.Line("The following dependencies were found:");
    space_.log.Line("");
    space_.log.Plain(FormatDependencies(record.dependencies));
  }

  // Of every build, in the order of the file; an image's digest is that of what
  // was pushed, where it was.
  void FindDependencies() {
    std::vector<BuiltImage> built = *space_.built.lock();
    std::ranges::stable_sort(built, {}, &BuiltImage::step);
    const std::map<std::string, std::string> pushed = *space_.pushed.lock();
    auto shared = shared_.lock();
    for (const BuiltImage& image : built) {
      StepRecord& step = shared->record->steps[image.step];
      for (const std::string& tag : image.tags) {
        step.images.push_back(space_.log.Mask(tag));
        step.digests[step.images.back()] = image.digest;
      }
      for (ImageDependencies dependencies : image.dependencies) {
        if (dependencies.image) {
          auto known = pushed.find(FullName(*dependencies.image));
          if (known != pushed.end()) {
            dependencies.image->digest = known->second;
          }
          Mask(*dependencies.image);
        }
        Mask(dependencies.runtime);
        for (ImageName& name : dependencies.buildtime) Mask(name);
        shared->record->dependencies.push_back(std::move(dependencies));
      }
    }
  }

  void Mask(ImageName& name) const {
    for (std::string* text :
         {&name.registry, &name.repository, &name.tag, &name.reference}) {
      *text = space_.log.Mask(*text);
    }
  }

  static std::string FullName(const ImageName& image) {
    auto reference = oci::ParseReference(image.reference);
    if (!reference) return image.reference;
    return oci::WithDefaultTag(*std::move(reference)).ToString();
  }

  void Finish(RunStatus status, const std::string& error) {
    {
      auto shared = shared_.lock();
      RunRecord& record = *shared->record;
      record.status = status;
      record.error = space_.log.Mask(error);
      record.finished = Now();
      for (StepRecord& step : record.steps) {
        if (step.state == StepState::kInProgress) {
          step.state = StepState::kFailed;
        }
      }
    }
    if (!error.empty()) space_.log.Line(error);
    Save();
  }

  // The record grows with the steps, and to replace a file makes ext4 wait for
  // the disk: it is not written anew for each of many that end at once.
  void SaveNowAndThen() {
    constexpr std::chrono::seconds kPause{1};
    if (Now() - shared_.lock()->saved < kPause) return;
    Save();
  }

  // A record that cannot be written is told of once, and no reason to fail.
  void Save() {
    // So that an older one never takes the place of a newer one.
    std::lock_guard writing(writing_);
    std::string text;
    {
      auto shared = shared_.lock();
      shared->saved = Now();
      text = FormatRunRecord(*shared->record);
    }
    Status saved =
        WriteFileAtomically(space_.folder.record_path(), text, {.mode = 0600});
    if (!saved && !std::exchange(save_failed_, true)) {
      space_.log.Line("run.json cannot be written: " + saved.error().message());
    }
  }

  struct Shared {
    Shared() = default;
    explicit Shared(RunRecord* of_run) : record(of_run) {}
    RunRecord* record = nullptr;  // of the caller; without secrets
    // What steps told, as they told it.
    std::vector<std::map<std::string, std::string>> outputs;
    Time saved;
  };

  RunSpace& space_;
  const LateText& late_;
  Guarded<Shared> shared_;
  std::mutex writing_;
  bool save_failed_ = false;  // under `writing_`
  std::unique_ptr<DockerSocket> socket_;
};

}  // namespace

RunRecord PlanRecord(const file::Task& task, const Secrets& secrets) {
  RunRecord record;
  record.file = task.file;
  for (size_t i = 0; i < task.steps.size(); ++i) {
    StepRecord step;
    step.id = secrets.Mask(task.steps[i].id);
    step.kind = file::KindName(task.steps[i].kind);
    for (size_t before : task.steps[i].after) {
      step.after.push_back(secrets.Mask(task.steps[before].id));
    }
    step.log = RunLog::StepName(i, step.id);
    record.steps.push_back(std::move(step));
  }
  return record;
}

void RunTask(RunSpace& space, const LateText& late, RunRecord& record,
             std::chrono::seconds timeout, std::stop_token stop) {
  Run(space, late, record).Execute(timeout, stop);
}

}  // namespace strake::tasks::run
