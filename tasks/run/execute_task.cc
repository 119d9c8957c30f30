#include "tasks/run/execute_task.h"

#include <array>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "builder/checkout.h"
#include "oci/platform.h"
#include "registry/credentials.h"
#include "tasks/run/path_map.h"
#include "tasks/run/run_folder.h"
#include "tasks/run/task_run.h"
#include "util/atomic_file.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::run {
namespace {

namespace fs = std::filesystem;

// `.Run.Date`.
std::string DateText() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  ::gmtime_r(&now, &parts);
  std::array<char, 32> text = {};
  std::strftime(text.data(), text.size(), "%Y%m%d-%H%M%Sz", &parts);
  return text.data();
}

builder::BuildOptions CheckOutOptions(const ExecuteOptions& options) {
  builder::BuildOptions build;
  build.context = *options.context;
  build.store_directory = options.settings.store_directory;
  build.registry = options.settings.registry;
  build.git_environment = options.settings.git_environment;
  build.stop = options.stop;
  return build;
}

Result<std::string> ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoError("read " + path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

// In the context, and else from where strake runs.
Result<std::string> ReadTaskText(const ExecuteOptions& options,
                                 const RunFolder& folder) {
  if (options.text) return *options.text;
  std::error_code ignored;
  if (options.context && !options.file.starts_with('/')) {
    const std::string inside = folder.workspace() + "/" + options.file;
    // A link in the context does not lead out of it.
    const fs::path real = fs::weakly_canonical(inside, ignored);
    const fs::path top = fs::weakly_canonical(folder.workspace(), ignored);
    const bool within = real.string().starts_with(top.string() + "/") &&
                        fs::exists(real, ignored);
    if (within) return ReadText(real);
  }
  if (fs::exists(options.file, ignored)) return ReadText(options.file);
  return NotFound(
      "task file " + options.file + ": it is neither in the context" +
      (options.context_name.empty() ? std::string()
                                    : " (" + options.context_name + ")") +
      " nor in " + fs::current_path(ignored).string());
}

file::TaskSource CompleteSource(const ExecuteOptions& options,
                                const RunFolder& folder, std::string text,
                                const builder::CheckedOut& context) {
  file::TaskSource source = options.source;
  source.text = std::move(text);
  source.file = options.file;
  if (options.context) source.directory = folder.workspace();
  source.aliases = !options.context;
  file::RunFacts& run = source.run;
  run.id = folder.id();
  if (run.commit.empty()) run.commit = context.commit;
  if (run.branch.empty()) run.branch = context.branch;
  run.registry = options.settings.run_registry;
  run.date = DateText();
  run.shared_volume = "acb_vol_" + folder.id();
  run.task_name = options.settings.task_name;
  const oci::Platform platform =
      options.settings.platform.value_or(oci::HostPlatform());
  run.os = platform.os;
  run.architecture = platform.architecture;
  return source;
}

Secrets HiddenValues(const ExecuteOptions& options,
                     const file::ReadTask& read) {
  std::vector<std::string> values = options.hidden;
  for (const auto& [id, value] : read.secrets) values.push_back(value);
  // Volumes hold them encoded.
  for (const file::Volume& volume : read.task.volumes) {
    for (const auto& [name, encoded] : volume.files) {
      values.push_back(encoded);
      if (auto content = Base64Decode(encoded)) values.push_back(*content);
    }
  }
  return Secrets(values);
}

// Programs of steps that talk to the run's registry find the login there.
Status WriteLogin(const RunSettings& settings, const RunFolder& folder,
                  RunLog& log) {
  if (settings.run_registry.empty()) return {};
  ASSIGN_OR_RETURN(auto credential,
                   settings.registry.credentials.Lookup(settings.run_registry));
  if (!credential) return {};
  log.Line("Setting up Docker configuration...");
  std::error_code ignored;
  fs::create_directories(folder.home() + "/.docker", ignored);
  RETURN_IF_ERROR(registry::StoreLogin(folder.home() + "/.docker/config.json",
                                       settings.run_registry, *credential));
  log.Line("Successfully set up Docker configuration");
  return {};
}

RunRecord BeginRecord(const ExecuteOptions& options, const file::RunFacts& run,
                      const file::Task& task, const Secrets& hidden) {
  RunRecord record = PlanRecord(task, hidden);
  record.id = run.id;
  record.task = run.task_name;
  record.context = hidden.Mask(options.context_name);
  record.commit = hidden.Mask(run.commit);
  record.branch = hidden.Mask(run.branch);
  record.registry = run.registry;
  record.platform =
      options.settings.platform.value_or(oci::HostPlatform()).ToString();
  record.started = std::chrono::system_clock::now();
  return record;
}

std::vector<std::string> TokensFor(const file::Task& task) {
  std::vector<std::string> tokens;
  for (size_t i = 0; i < task.steps.size(); ++i) {
    tokens.push_back(RandomName("") + RandomName(""));
  }
  return tokens;
}

builder::ContainersOptions ContainersFor(const RunSettings& settings) {
  builder::ContainersOptions options;
  options.store_directory = settings.store_directory;
  options.snapshotter = settings.snapshotter;
  options.isolation = settings.isolation;
  options.registry = settings.registry;
  options.network = settings.network;
  return options;
}

}  // namespace

Result<ExecutedTask> ExecuteTask(const ExecuteOptions& options) {
  const RunSettings& settings = options.settings;
  CleanUpRuns(settings.store_directory, options.kept_runs);
  ASSIGN_OR_RETURN(RunFolder folder,
                   RunFolder::Make(settings.store_directory, options.run_id));
  builder::CheckedOut context;
  if (options.context) {
    ASSIGN_OR_RETURN(context, builder::CheckOut(CheckOutOptions(options),
                                                folder.workspace()));
  }
  ASSIGN_OR_RETURN(std::string text, ReadTaskText(options, folder));
  const file::TaskSource source =
      CompleteSource(options, folder, std::move(text), context);
  ASSIGN_OR_RETURN(file::ReadTask read, file::ReadTaskFile(source));
  // The task is now whole and checked; only what steps tell each other is
  // still to be filled in.

  const Secrets hidden = HiddenValues(options, read);
  ExecutedTask executed{BeginRecord(options, source.run, read.task, hidden),
                        folder.path()};
  ASSIGN_OR_RETURN(
      std::unique_ptr<RunLog> log,
      RunLog::Open(folder.path(), executed.record, hidden, options.sink));
  if (read.task.is_v1_1()) {
    log->Line(
        "Alias support enabled for version >= 1.1.0, please see "
        "https://aka.ms/acr/tasks/task-aliases for more information.");
  }
  RETURN_IF_ERROR(WriteLogin(settings, folder, *log));
  LazyContainers containers([&settings] {
    return builder::Containers::Open(ContainersFor(settings));
  });
  ContainerTable table(containers);
  RunSpace space{settings,
                 read.task,
                 folder,
                 *log,
                 containers,
                 table,
                 read.task.steps,
                 TokensFor(read.task),
                 source.run.shared_volume,
                 source.run.commit,
                 read.secrets,
                 Guarded<registry::ClientOptions>(settings.registry),
                 {},
                 {},
                 {},
                 {},
                 {}};
  auto late = [&](const file::Step& step, const std::string& late_text,
                  const std::string& steps) {
    return file::RenderLate(source, read.secrets, step, late_text, steps);
  };
  RunTask(space, late, executed.record, options.timeout, options.stop);
  return executed;
}

}  // namespace strake::tasks::run
