#include "tasks/file/finish_task.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "tasks/file/check_declarations.h"
#include "tasks/file/check_step.h"
#include "tasks/file/environment_list.h"
#include "tasks/file/step_graph.h"
#include "util/strings.h"

namespace strake::tasks::file {
namespace {

using std::chrono::seconds;

constexpr seconds kStepTimeout{600};
constexpr seconds kRetryDelay{5};
constexpr std::string_view kStrakeVersion = "strake/v1";
constexpr std::string_view kCurrentVersion = "v1.0.0";
constexpr std::array<std::string_view, 3> kVersions = {"1.0-preview-1",
                                                       "v1.0.0", "v1.1.0"};

Place PlaceOf(const std::map<std::string, Place>& places,
              const std::string& key, Place fallback) {
  auto found = places.find(key);
  return found == places.end() ? fallback : found->second;
}

void CheckVersion(RawTask& raw, Problems& problems) {
  std::string& version = raw.task.version;
  if (version.empty()) version = kCurrentVersion;
  bool known =
      version == kStrakeVersion ||
      std::ranges::find(kVersions, ToLower(version)) != kVersions.end();
  if (known) return;
  problems.Add(PlaceOf(raw.places, "version", {1, 1}),
               "invalid version specified: " + GoQuote(version) +
                   ", the current version is " + GoQuote(kCurrentVersion));
}

// What the run gives goes below what the task has.
void MergeDefaults(RawTask& raw, const TaskDefaults& defaults,
                   Problems& problems) {
  auto merged = MergeEnvironment(raw.env, defaults.env);
  if (merged) {
    raw.env = std::move(*merged);
  } else {
    problems.Add(PlaceOf(raw.places, "env", {1, 1}), merged.error().message());
  }
}

void MergeEnvironments(RawTask& raw, Problems& problems) {
  Place place = PlaceOf(raw.places, "env", {1, 1});
  for (RawStep& step : raw.steps) {
    auto merged = MergeEnvironment(step.step.env, raw.env);
    if (merged) {
      step.step.env = std::move(*merged);
      continue;
    }
    // An entry of the task is wrong for all steps alike.
    const std::string& message = merged.error().message();
    bool is_of_task = message.starts_with("cannot parse task");
    problems.Add(
        is_of_task ? place : PlaceOf(step.step.places, "env", step.step.place),
        "failed to merge task and step environment variables: " + message);
    if (is_of_task) return;
  }
}

// The ids that `when` may name: those of steps, and those of a matrix, which
// stand for all of its steps. Where there is no matrix, `when` stays as it is.
class Namer {
 public:
  NamedStep Name(const RawStep& step) {
    if (step.number != number_) {
      previous_ = std::move(current_);
      current_.clear();
      number_ = step.number;
    }
    current_.push_back(step.step.id);
    if (!step.group.empty()) groups_[step.group] = current_;
    if (step.when.empty()) return {step.step.id, AfterPrevious(step)};
    std::vector<std::string> when;
    for (const std::string& id : step.when) {
      auto group = groups_.find(id);
      if (group == groups_.end()) {
        when.push_back(id);
      } else {
        when.insert(when.end(), group->second.begin(), group->second.end());
      }
    }
    return {step.step.id, std::move(when)};
  }

 private:
  std::vector<std::string> AfterPrevious(const RawStep& step) const {
    if (step.group.empty() && previous_.size() < 2) return {};
    if (previous_.empty()) return {"-"};
    return previous_;
  }

  size_t number_ = 0;
  std::vector<std::string> previous_, current_;
  std::map<std::string, std::vector<std::string>> groups_;
};

// The id of a matrix is no other step's.
void CheckGroups(const std::vector<RawStep>& steps, size_t index,
                 Problems& problems) {
  const RawStep& step = steps[index];
  for (size_t i = 0; i < index; ++i) {
    const RawStep& other = steps[i];
    if (other.number == step.number) continue;
    bool taken = (!other.group.empty() &&
                  (other.group == step.step.id || other.group == step.group)) ||
                 (!step.group.empty() && step.group == other.step.id);
    if (!taken) continue;
    const std::string& id = step.group.empty() ? step.step.id : step.group;
    problems.Add(PlaceOf(step.step.places, "id", step.step.place),
                 id + " already exists as a vertex");
    return;
  }
}

void CheckSteps(RawTask& raw, Problems& problems) {
  std::vector<NamedStep> named;
  Namer namer;
  for (const RawStep& step : raw.steps) named.push_back(namer.Name(step));
  size_t failed = 0;
  auto edges = MakeStepGraph(named, &failed);
  for (size_t i = 0; i < raw.steps.size(); ++i) {
    RawStep& step = raw.steps[i];
    CheckStep(step, problems);
    CheckGroups(raw.steps, i, problems);
    if (edges) {
      step.step.after = (*edges)[i];
    } else if (failed == i) {
      const std::string& message = edges.error().message();
      bool is_edge = message.find(" [from: ") != std::string::npos ||
                     message.starts_with("from ");
      problems.Add(
          PlaceOf(step.step.places, is_edge ? "when" : "id", step.step.place),
          message);
    }
  }
}

void FillIn(Task& task, const TaskDefaults& defaults) {
  if (task.step_timeout <= seconds(0)) task.step_timeout = kStepTimeout;
  if (task.working_directory.empty()) {
    task.working_directory = defaults.working_directory;
  }
  for (Secret& secret : task.secrets) {
    secret.keyvault = ToLower(secret.keyvault);
  }
  if (!task.networks.empty()) return;
  Network network;
  network.name = "acb_default_network";
  network.driver = defaults.os == "windows" ? "nat" : "bridge";
  network.is_default = true;
  task.networks.push_back(network);
}

// The last of several defaults counts.
std::string DefaultNetwork(const Task& task) {
  std::string name;
  for (const Network& network : task.networks) {
    if (network.is_default) name = network.name;
  }
  return name;
}

void FillIn(const Task& task, const std::string& network, RawStep& raw) {
  Step& step = raw.step;
  step.kind = !step.cmd.empty()     ? StepKind::kCmd
              : !step.build.empty() ? StepKind::kBuild
                                    : StepKind::kPush;
  if (step.working_directory.empty()) {
    step.working_directory = task.working_directory;
  }
  if (step.timeout <= seconds(0)) step.timeout = task.step_timeout;
  step.start_delay = std::max(step.start_delay, seconds(0));
  if (step.retry_delay <= seconds(0)) step.retry_delay = kRetryDelay;
  step.download_retries = std::max(step.download_retries, 0);
  step.download_retry_delay = std::max(step.download_retry_delay, seconds(0));
  if (step.network.empty()) step.network = network;
  step.cache_enabled = EqualsIgnoreCase(raw.cache, "enabled");
}

}  // namespace

Task FinishTask(RawTask raw, const TaskDefaults& defaults, Problems& problems) {
  CheckSecrets(raw.task.secrets, raw.task.version == kStrakeVersion, problems);
  CheckVolumes(raw, problems);
  CheckMountNames(raw, problems);
  MergeDefaults(raw, defaults, problems);
  CheckVersion(raw, problems);
  MergeEnvironments(raw, problems);
  CheckSteps(raw, problems);
  Task task = std::move(raw.task);
  FillIn(task, defaults);
  std::string network = DefaultNetwork(task);
  for (RawStep& step : raw.steps) {
    FillIn(task, network, step);
    task.steps.push_back(std::move(step.step));
    CheckLateReferences(task, task.steps.size() - 1, step.references, problems);
  }
  task.file = problems.file();
  return task;
}

}  // namespace strake::tasks::file
