// A task file as values: what `ReadTask` (task_file.h) makes of the text, with
// every template but the late ones rendered, every default filled in and every
// rule checked. Immutable once read; strings own their bytes.
//
// Names and meanings are those of ACR Tasks' YAML; what only `version:
// strake/v1` knows says so.

#ifndef STRAKE_TASKS_FILE_TASK_H_
#define STRAKE_TASKS_FILE_TASK_H_

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace strake::tasks::file {

// In the file as its author sees it; from 1. 0: not known.
struct Place {
  int line = 0;
  int column = 0;
};

// One container network of a run.
struct Network {
  std::string name;
  std::string driver;
  bool ipv6 = false;
  bool skip_creation = false;
  bool is_default = false;
  Place place;
};

// Where the value of a secret comes from.
struct Secret {
  std::string id;
  std::string keyvault;   // "https://vault/secrets/name[/version]", lower case
  std::string client_id;  // of a managed identity
  std::string aad_resource_id;  // what a token of that identity is for
  // strake/v1: one of these may be in their place.
  std::string environment;           // a variable of strake's own
  std::string path;                  // a file
  std::vector<std::string> program;  // prints the value
  Place place;
};

// Files with secret content, which steps mount.
struct Volume {
  std::string name;
  std::map<std::string, std::string> files;  // name to Base64
  Place place;
};

struct VolumeMount {
  std::string volume;
  std::string path;  // in the container
  Place place;
};

// strake/v1: folders of a `cmd` step that the next runs find again.
struct StepCache {
  std::string id;                      // of its own, or the step's
  std::vector<std::string> paths;      // in the container
  std::vector<std::string> key_files;  // patterns in the workspace
  Place place;
};

enum class StepKind { kCmd, kBuild, kPush };
// The property that makes it one: "cmd", "build", "push".
inline std::string_view KindName(StepKind kind) {
  if (kind == StepKind::kBuild) return "build";
  return kind == StepKind::kPush ? "push" : "cmd";
}

struct Step {
  std::string id;
  StepKind kind = StepKind::kCmd;
  std::string cmd;                // kCmd: what follows `docker run`
  std::string build;              // kBuild: what follows `docker build`
  std::vector<std::string> push;  // kPush: references, as written

  // The steps that have to end first, as indices into `Task::steps`, each once
  // and in the order of the file; empty: none has to.
  std::vector<size_t> after;

  std::vector<std::string> env;  // with the task's; "NAME=value" or "NAME"
  std::string entry_point;
  std::string working_directory;  // as written; empty: the workspace
  bool disable_working_directory_override = false;
  std::chrono::seconds timeout{600};
  std::chrono::seconds start_delay{0};
  int retries = 0;
  std::chrono::seconds retry_delay{5};
  std::vector<std::string> retry_on_errors;
  int repeat = 0;
  bool ignore_errors = false;
  bool detach = false;
  bool keep = false;
  bool pull = false;
  int download_retries = 0;
  std::chrono::seconds download_retry_delay{0};
  bool privileged = false;
  std::string user;
  std::string network;  // empty: none of the task's
  std::string isolation;
  std::string cpus;
  std::vector<std::string> ports;
  std::vector<std::string> expose;
  std::vector<VolumeMount> volume_mounts;
  bool cache_enabled = false;  // kBuild: `cache: enabled`

  // strake/v1 only; empty under all other versions.
  std::vector<int> exited_with;     // codes that are a success, if any
  std::vector<int> exited_without;  // codes that are a failure, if any
  std::string condition;            // `if:`, a late template; empty: always
  bool outputs = false;  // writes "key=value" lines to $STRAKE_OUTPUT
  std::vector<StepCache> caches;
  // The values of this one of a `matrix:`, by name; empty: of none. The strings
  // above have them already.
  std::map<std::string, std::string> matrix;

  Place place;                          // of the step
  std::map<std::string, Place> places;  // of its properties, by their key
};

struct Task {
  std::string file;     // as errors name it
  std::string version;  // "v1.0.0" where the file names none
  std::string working_directory;
  std::chrono::seconds step_timeout{600};
  // As the file has them; the bridge "acb_default_network" where it has none.
  std::vector<Network> networks;
  std::vector<Secret> secrets;
  std::vector<Volume> volumes;
  std::vector<Step> steps;

  bool is_v1_1() const { return version >= "v1.1.0" && version[0] == 'v'; }
  // What goes beyond ACR has a meaning.
  bool is_strake() const { return version == "strake/v1"; }
};

// "FILE:LINE:COLUMN", as errors begin.
inline std::string At(const Task& task, const Place& place) {
  return task.file + ":" + std::to_string(place.line) + ":" +
         std::to_string(place.column);
}

}  // namespace strake::tasks::file

#endif  // STRAKE_TASKS_FILE_TASK_H_
