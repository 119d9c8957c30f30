// The registered tasks, what they watch and what they stand on. Thread-safe;
// borrows what it stands on. Secrets reach the database sealed, and nothing
// else does.

#ifndef STRAKE_TASKS_STORE_TASK_TABLE_H_
#define STRAKE_TASKS_STORE_TASK_TABLE_H_

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "tasks/run/run_record.h"
#include "tasks/store/database.h"
#include "tasks/store/secret_box.h"
#include "tasks/store/task_record.h"
#include "util/result.h"

namespace strake::tasks::store {

// An image that a task's last successful run was built on.
struct TaskDependency {
  bool runtime = true;  // "RunTime"; else "BuildTime"
  run::ImageName image;
};

struct TaskPage {
  std::string after;  // names that follow this one; empty: from the first
  size_t limit = 100;
};

class TaskTable {
 public:
  TaskTable(Database& database, const SecretBox& secrets)
      : database_(database), secrets_(secrets) {}

  // Registers `task`, now. `kInvalidArgument` where its name is none, or taken,
  // or what it watches is no repository.
  Status Create(TaskRecord task);
  // With its secrets. `kNotFound`; `kUnauthorized` (another key sealed them).
  Result<TaskRecord> Get(const std::string& name);
  // Lets `change` change the task, in one transaction; it may be called again
  // and may not change the name. What it fails with is the result.
  Status Modify(const std::string& name,
                const std::function<Status(TaskRecord&)>& change);
  // Its runs remain. `kNotFound`.
  Status Remove(const std::string& name);

  // In the order of their names; their secrets are empty.
  Result<std::vector<TaskRecord>> List(const TaskPage& page = {});

  // The names of tasks that watch a repository, which has the name that
  // `trigger::CanonicalRepository` gives it.
  Result<std::vector<std::string>> Watching(const std::string& repository);

  // Of the last successful run.
  Result<std::vector<TaskDependency>> Dependencies(const std::string& name);
  // The names of tasks that depend on registry, repository and tag of `image`.
  //   runtime_only  not those that only used it to build
  Result<std::vector<std::string>> DependingOn(const run::ImageName& image,
                                               bool runtime_only);
  // All that tasks depend on: each registry, repository and tag once.
  Result<std::vector<run::ImageName>> WatchedImages();

 private:
  Status Save(Connection& connection, const TaskRecord& task);
  Result<TaskRecord> Load(Connection& connection, const std::string& name);

  Database& database_;
  const SecretBox& secrets_;
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_TASK_TABLE_H_
