// All that a server of tasks remembers, opened in one go. Thread-safe, as its
// parts are; any number of processes may have one store open.

#ifndef STRAKE_TASKS_STORE_STORE_H_
#define STRAKE_TASKS_STORE_STORE_H_

#include <memory>
#include <string>
#include <utility>

#include "tasks/store/database.h"
#include "tasks/store/queue.h"
#include "tasks/store/run_log.h"
#include "tasks/store/run_table.h"
#include "tasks/store/secret_box.h"
#include "tasks/store/sightings.h"
#include "tasks/store/task_table.h"
#include "util/result.h"

namespace strake::tasks::store {

struct StoreOptions {
  DatabaseOptions database;
  // The key of its secrets (`SecretBox`); those who share a database share it.
  std::string key_file;
};

class Store {
 public:
  // Errors: those of `Database::Open` and `SecretBox::Open`.
  static Result<std::unique_ptr<Store>> Open(const StoreOptions& options);
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  TaskTable& tasks() { return tasks_; }
  Queue& queue() { return queue_; }
  RunTable& runs() { return runs_; }
  RunLog& log() { return log_; }
  Sightings& sightings() { return sightings_; }

 private:
  Store(std::unique_ptr<Database> database, SecretBox secrets)
      : database_(std::move(database)), secrets_(std::move(secrets)) {}

  std::unique_ptr<Database> database_;
  SecretBox secrets_;
  TaskTable tasks_{*database_, secrets_};
  Queue queue_{*database_, secrets_};
  RunTable runs_{*database_};
  RunLog log_{*database_};
  Sightings sightings_{*database_};
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_STORE_H_
