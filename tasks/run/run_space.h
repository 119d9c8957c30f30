// What the steps of a run have in common.

#ifndef STRAKE_TASKS_RUN_RUN_SPACE_H_
#define STRAKE_TASKS_RUN_RUN_SPACE_H_

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/containers.h"
#include "builder/progress.h"
#include "oci/platform.h"
#include "registry/client.h"
#include "tasks/file/task.h"
#include "tasks/run/container_table.h"
#include "tasks/run/lazy_containers.h"
#include "tasks/run/run_folder.h"
#include "tasks/run/run_log.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::tasks::run {

inline constexpr std::string_view kWorkspace = "/workspace";
inline constexpr std::string_view kHome = "/acb/home";

// Makes a display of a build that writes text to `write`.
using MakeBuildProgress = std::function<std::unique_ptr<builder::ProgressSink>(
    std::function<void(std::string_view)> write)>;

struct RunSettings {
  std::string store_directory;
  std::string snapshotter = "auto";
  std::string isolation = "auto";  // both as in `builder::BuildOptions`
  registry::ClientOptions registry;
  builder::RunNetwork network = builder::RunNetwork::kAuto;
  std::string run_registry;  // "host[:port]" of the run; may be empty
  std::string task_name = "quickrun";
  std::optional<oci::Platform> platform;  // of builds and containers
  // The file of this program, which steps find as `docker` (docker_client.h).
  std::string program = "/proc/self/exe";
  // What `env: [NAME]` without a value, and `--build-arg NAME`, take it from.
  std::function<std::optional<std::string>(const std::string&)> environment;
  std::vector<std::string> git_environment;  // as in `builder::BuildOptions`
  MakeBuildProgress build_progress;          // null: nothing is shown
};

// What was built in the run, for its record.
struct BuiltImage {
  size_t step = 0;
  std::vector<std::string> tags;  // full references
  std::string digest;             // of the manifest or index
  std::vector<ImageDependencies> dependencies;
};

// All is borrowed, but for what is under a lock. Thread-safe.
struct RunSpace {
  const RunSettings& settings;
  const file::Task& task;
  const RunFolder& folder;
  RunLog& log;
  LazyContainers& containers;
  ContainerTable& table;
  // The steps as they run: each is its own thread's, which renders what is left
  // of its templates before it starts.
  std::vector<file::Step> steps;
  // By which the scripts of a step show whose they are; nobody else's business.
  std::vector<std::string> tokens;
  // Values for `.Run.SharedVolume` mounts: the workspace under that name.
  std::string shared_volume;
  std::string commit;                          // of the context
  std::map<std::string, std::string> secrets;  // of the task: values by id
  // With what `docker login` has added.
  Guarded<registry::ClientOptions> registry;
  std::atomic<bool> has_logins = false;  // since the run began
  Guarded<std::vector<BuiltImage>> built;
  // Digests of what was pushed, by full reference.
  Guarded<std::map<std::string, std::string>> pushed;
  // `docker manifest create`: the entries of each list, by its name.
  struct ManifestEntry {
    std::string reference;
    std::optional<oci::Platform> platform;
  };
  Guarded<std::map<std::string, std::vector<ManifestEntry>>> manifests;
  // `docker network create`: more names of the network of the run.
  Guarded<std::set<std::string>> networks;

  registry::ClientOptions RegistryOptions() { return *registry.lock(); }
};

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_RUN_SPACE_H_
