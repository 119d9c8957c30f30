// A registered task: what it runs, and what starts it. Values; names, defaults
// and JSON are those of ACR (acr-tasks sections 5.1 to 5.6), and what only
// strake knows is under "strake" there.

#ifndef STRAKE_TASKS_STORE_TASK_RECORD_H_
#define STRAKE_TASKS_STORE_TASK_RECORD_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "tasks/run/run_record.h"
#include "util/result.h"

namespace strake::tasks::store {

// A build argument, or a value of `.Values`.
struct NamedValue {
  std::string name;
  std::string value;
  bool secret = false;
};

// A Dockerfile to build.
struct DockerStep {
  std::vector<std::string> image_names;
  bool push = true;
  bool no_cache = false;
  std::string dockerfile = "Dockerfile";
  std::string target;
  std::vector<NamedValue> arguments;
};

// A task file in the context.
struct FileStep {
  std::string file;
  std::string values_file;
  std::vector<NamedValue> values;
};

// A task file that was given with the task, in Base64.
struct EncodedStep {
  std::string content;
  std::string values_content;
  std::vector<NamedValue> values;
};

using TaskStep = std::variant<DockerStep, FileStep, EncodedStep>;

struct TimerTrigger {
  std::string name;
  std::string schedule;  // NCrontab
  bool enabled = true;
  std::string timezone;   // strake; empty: UTC
  bool catch_up = false;  // strake: what was missed runs once
};

struct SourceTrigger {
  std::string name = "defaultSourceTriggerName";
  bool enabled = true;
  std::vector<std::string> events = {"commit"};  // and "pullrequest"
  std::string repository_url;
  std::string branch;
  std::string provider = "Github";  // or "VisualStudioTeamService", "Gitlab"...
  std::string token;                // secret
  // strake:
  std::string webhook_secret;      // secret
  std::vector<std::string> paths;  // patterns; empty: any path
  std::vector<std::string> tags;   // patterns of tags that fire too
  bool trust_forks = false;        // their pull requests get secrets
};

struct BaseImageTrigger {
  std::string name = "defaultBaseimageTriggerName";
  bool enabled = true;
  bool all = false;             // "All"; else "Runtime"
  std::string update_endpoint;  // secret: may have a token in it
  std::string payload_type = "Default";
};

// For one registry.
struct Credential {
  std::string login_server;
  std::string user;
  std::string secret;
};

struct TaskRecord {
  std::string name;  // 1 to 50 of [A-Za-z0-9_-]
  bool enabled = true;
  run::Time created;  // set when it is registered
  std::string platform = "linux/amd64";
  int64_t cpu = 2;
  std::chrono::seconds timeout{3600};
  std::string context;        // git URL or folder; empty: none
  std::string context_token;  // secret
  TaskStep step;
  std::vector<TimerTrigger> timers;
  std::vector<SourceTrigger> sources;
  std::optional<BaseImageTrigger> base_image;
  std::vector<Credential> credentials;
  // strake:
  int64_t priority = 0;
  int64_t concurrency = 0;  // runs at work at once; 0: any number
  bool coalesce = false;
  bool cancel_superseded = false;
};

// Calls `visit` with each secret of `task` that is not empty.
//   place  names it within the task: "arguments.TOKEN"
using SecretVisitor =
    std::function<Status(const std::string& place, std::string& value)>;
Status VisitSecrets(TaskRecord& task, const SecretVisitor& visit);

enum class Secrets { kLeftOut, kIncluded };

// The task as JSON, indented. A secret that is left out is null.
std::string FormatTask(const TaskRecord& task, Secrets secrets);
std::string FormatTasks(const std::vector<TaskRecord>& tasks, Secrets secrets);
// From what `FormatTask` writes; keys that it does not know are passed over.
// `kInvalidArgument` names the key.
Result<TaskRecord> ParseTask(std::string_view json);

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_TASK_RECORD_H_
