// One text for both databases: BIGINT and TEXT are all the types there are.
// Times are milliseconds since 1970, 0 where there is none; what is absent is
// "" rather than NULL, so that every comparison is a plain one. A step that was
// released is never changed: a new one follows.

#include "tasks/store/migrations.h"

#include <string>
#include <string_view>
#include <vector>

#include "util/result_macros.h"

namespace strake::tasks::store {
namespace {

using Statements = std::vector<std::string_view>;

// Registered tasks. `document` is the task's JSON, its secrets sealed;
// `sources` are the repositories that it watches.
const Statements kTasks = {
    "CREATE TABLE tasks ("
    " name TEXT PRIMARY KEY,"
    " status TEXT NOT NULL,"
    " created BIGINT NOT NULL,"
    " updated BIGINT NOT NULL,"
    " document TEXT NOT NULL)",
    "CREATE TABLE task_sources ("
    " task TEXT NOT NULL REFERENCES tasks(name) ON DELETE CASCADE,"
    " repository TEXT NOT NULL,"
    " PRIMARY KEY (task, repository))",
    "CREATE INDEX task_sources_repository ON task_sources (repository)",
    // Of a task's last successful run.
    "CREATE TABLE task_dependencies ("
    " task TEXT NOT NULL REFERENCES tasks(name) ON DELETE CASCADE,"
    " kind TEXT NOT NULL,"
    " registry TEXT NOT NULL,"
    " repository TEXT NOT NULL,"
    " tag TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " PRIMARY KEY (task, kind, registry, repository, tag, digest))",
    "CREATE INDEX task_dependencies_image"
    " ON task_dependencies (registry, repository, tag)",
};

// `number` orders runs and is behind their ids. `token` grows with each claim;
// only who has the last one may change the run.
const Statements kRuns = {
    "CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL)",
    "INSERT INTO counters (name, value) VALUES ('run', 0)",
    "CREATE TABLE runs ("
    " number BIGINT PRIMARY KEY,"
    " id TEXT NOT NULL UNIQUE,"
    " task TEXT NOT NULL,"
    " status TEXT NOT NULL,"
    " kind TEXT NOT NULL,"
    " cause TEXT NOT NULL,"
    " platform TEXT NOT NULL,"
    " priority BIGINT NOT NULL,"
    " queue_group TEXT NOT NULL,"
    " concurrency BIGINT NOT NULL,"
    " created BIGINT NOT NULL,"
    " available BIGINT NOT NULL,"
    " started BIGINT NOT NULL DEFAULT 0,"
    " finished BIGINT NOT NULL DEFAULT 0,"
    " updated BIGINT NOT NULL,"
    " attempts BIGINT NOT NULL DEFAULT 0,"
    " max_attempts BIGINT NOT NULL,"
    " worker TEXT NOT NULL DEFAULT '',"
    " token BIGINT NOT NULL DEFAULT 0,"
    " lease_until BIGINT NOT NULL DEFAULT 0,"
    " cancel_requested BIGINT NOT NULL DEFAULT 0,"
    " archived BIGINT NOT NULL DEFAULT 0,"
    " log_chunks BIGINT NOT NULL DEFAULT 0,"
    " log_bytes BIGINT NOT NULL DEFAULT 0,"
    " log_pruned BIGINT NOT NULL DEFAULT 0,"
    " error TEXT NOT NULL DEFAULT '',"
    " request TEXT NOT NULL,"
    " record TEXT NOT NULL DEFAULT '')",
    "CREATE INDEX runs_queued ON runs (priority DESC, number)"
    " WHERE status = 'Queued'",
    "CREATE INDEX runs_leased ON runs (lease_until) WHERE status = 'Running'",
    "CREATE INDEX runs_busy ON runs (task) WHERE status = 'Running'",
    "CREATE INDEX runs_group ON runs (queue_group)"
    " WHERE status IN ('Queued', 'Running')",
    "CREATE INDEX runs_by_task ON runs (task, number)",
    "CREATE INDEX runs_by_status ON runs (status, number)",
    "CREATE INDEX runs_by_task_status ON runs (task, status, number)",
    "CREATE INDEX runs_ended ON runs (finished)"
    " WHERE finished > 0 AND archived = 0",
    "CREATE INDEX runs_logged ON runs (finished, log_bytes)"
    " WHERE finished > 0 AND archived = 0 AND log_bytes > 0",
    // What a run pushed.
    "CREATE TABLE run_images ("
    " run BIGINT NOT NULL REFERENCES runs(number) ON DELETE CASCADE,"
    " registry TEXT NOT NULL,"
    " repository TEXT NOT NULL,"
    " tag TEXT NOT NULL,"
    " digest TEXT NOT NULL,"
    " PRIMARY KEY (run, registry, repository, tag, digest))",
    "CREATE INDEX run_images_repository ON run_images (repository, run)",
    "CREATE INDEX run_images_tag ON run_images (repository, tag, run)",
    "CREATE INDEX run_images_digest ON run_images (digest, run)",
    // What has happened, each once, and the run that it led to.
    "CREATE TABLE events ("
    " key TEXT PRIMARY KEY,"
    " created BIGINT NOT NULL,"
    " run TEXT NOT NULL)",
    "CREATE INDEX events_created ON events (created)",
};

// `start` is where in the log the chunk begins.
const Statements kLogs = {
    "CREATE TABLE run_log_chunks ("
    " run BIGINT NOT NULL REFERENCES runs(number) ON DELETE CASCADE,"
    " chunk BIGINT NOT NULL,"
    " start BIGINT NOT NULL,"
    " encoding TEXT NOT NULL,"
    " content TEXT NOT NULL,"
    " PRIMARY KEY (run, chunk))",
    "CREATE INDEX run_log_chunks_start ON run_log_chunks (run, start)",
};

// What was last seen outside: heads of repositories, digests behind tags.
const Statements kSightings = {
    "CREATE TABLE sightings ("
    " kind TEXT NOT NULL,"
    " place TEXT NOT NULL,"
    " name TEXT NOT NULL,"
    " value TEXT NOT NULL,"
    " validator TEXT NOT NULL,"
    " seen BIGINT NOT NULL,"
    " PRIMARY KEY (kind, place, name))",
};

// Step N leads to version N, counted from 1.
const std::vector<Statements>& Steps() {
  static const std::vector<Statements> steps = {[] {
    Statements first;
    for (const Statements* part : {&kTasks, &kRuns, &kLogs, &kSightings}) {
      first.insert(first.end(), part->begin(), part->end());
    }
    return first;
  }()};
  return steps;
}

}  // namespace

Status Migrate(Connection& connection) {
  RETURN_IF_ERROR(connection.LockName("strake migrations"));
  RETURN_IF_ERROR(
      connection.Execute("CREATE TABLE IF NOT EXISTS schema_versions (version "
                         "BIGINT PRIMARY KEY)"));
  ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      connection.Query("SELECT max(version) FROM schema_versions", 1));
  const int64_t newest = static_cast<int64_t>(Steps().size());
  const int64_t version = rows.at(0)[0].number();
  if (version > newest) {
    return Unsupported("this database has schema version " +
                       std::to_string(version) +
                       ", and this strake knows versions up to " +
                       std::to_string(newest) + ": use the newer strake");
  }
  for (int64_t step = version + 1; step <= newest; ++step) {
    for (std::string_view statement : Steps()[static_cast<size_t>(step - 1)]) {
      RETURN_IF_ERROR(connection.Execute(statement));
    }
    RETURN_IF_ERROR(connection.Execute(
        "INSERT INTO schema_versions (version) VALUES (?)", {step}));
  }
  return {};
}

}  // namespace strake::tasks::store
