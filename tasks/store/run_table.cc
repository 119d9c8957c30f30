#include "tasks/store/run_table.h"

#include <string_view>
#include <utility>

#include "tasks/store/run_row.h"
#include "tasks/store/time.h"
#include "util/result_macros.h"

namespace strake::tasks::store {
namespace {

// A SELECT put together: its text depends only on which conditions there are.
struct Conditions {
  std::string text;
  std::vector<Value> values;

  void Add(std::string_view condition, Value value) {
    text += text.empty() ? " WHERE " : " AND ";
    text += condition;
    values.push_back(std::move(value));
  }
};

void AddRunConditions(const RunFilter& filter, Conditions& conditions) {
  if (!filter.task.empty()) conditions.Add("runs.task = ?", filter.task);
  if (filter.state) {
    conditions.Add("runs.status = ?", std::string(RunStateName(*filter.state)));
  }
}

void AddImageConditions(const run::ImageName& image, Conditions& conditions) {
  if (!image.repository.empty()) {
    conditions.Add("run_images.repository = ?", image.repository);
  }
  if (!image.tag.empty()) conditions.Add("run_images.tag = ?", image.tag);
  if (!image.digest.empty()) {
    conditions.Add("run_images.digest = ?", image.digest);
  }
  if (!image.registry.empty()) {
    conditions.Add("run_images.registry = ?", image.registry);
  }
}

struct Select {
  std::string sql;
  std::vector<Value> values;
};

Select SelectRuns(const RunFilter& filter) {
  Conditions conditions;
  AddRunConditions(filter, conditions);
  if (filter.before > 0) conditions.Add("runs.number < ?", filter.before);
  Select select;
  select.sql = "SELECT " + std::string(kRunColumns) + " FROM runs" +
               conditions.text + " ORDER BY runs.number DESC LIMIT ?";
  select.values = std::move(conditions.values);
  select.values.push_back(static_cast<int64_t>(filter.limit));
  return select;
}

// The numbers come from the images' index, newest first, so that a page of an
// image with few runs looks at those alone.
Select SelectRunsOfImage(const RunFilter& filter) {
  Conditions conditions;
  AddImageConditions(*filter.image, conditions);
  if (filter.before > 0) conditions.Add("run_images.run < ?", filter.before);
  AddRunConditions(filter, conditions);
  bool join = !filter.task.empty() || filter.state;
  Select select;
  select.sql = "SELECT " + std::string(kRunColumns) +
               " FROM runs WHERE runs.number IN "
               "(SELECT DISTINCT run_images.run FROM run_images" +
               (join ? " JOIN runs ON runs.number = run_images.run" : "") +
               conditions.text +
               " ORDER BY run_images.run DESC LIMIT ?)"
               " ORDER BY runs.number DESC";
  select.values = std::move(conditions.values);
  select.values.push_back(static_cast<int64_t>(filter.limit));
  return select;
}

Status LoadImages(Connection& connection, StoredRun& run) {
  if (!Ended(run.state)) return {};
  ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      connection.Query("SELECT registry, repository, tag, digest "
                       "FROM run_images WHERE run = ? "
                       "ORDER BY registry, repository, tag, digest",
                       4, {run.number}));
  for (const Row& row : rows) {
    run::ImageName image;
    image.registry = row[0].text();
    image.repository = row[1].text();
    image.tag = row[2].text();
    image.digest = row[3].text();
    run.images.push_back(std::move(image));
  }
  return {};
}

Error NoRun(const std::string& run_id) {
  return NotFound("there is no run " + run_id);
}

// Empties the logs of the runs whose numbers `sql` selects.
Result<size_t> DropLogs(Connection& connection, const std::string& sql,
                        std::vector<Value> values) {
  ASSIGN_OR_RETURN(std::vector<Row> rows,
                   connection.Query(sql, 1, std::move(values)));
  for (const Row& row : rows) {
    const int64_t number = row[0].number();
    RETURN_IF_ERROR(connection.Execute(
        "DELETE FROM run_log_chunks WHERE run = ?", {number}));
    RETURN_IF_ERROR(connection.Execute(
        "UPDATE runs SET log_pruned = 1, log_bytes = 0 WHERE number = ?",
        {number}));
  }
  return rows.size();
}

constexpr std::string_view kWithLogs =
    " FROM runs WHERE finished > 0 AND archived = 0 AND log_bytes > 0";

}  // namespace

Result<StoredRun> RunTable::Get(const std::string& run_id) {
  StoredRun run;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(std::vector<Row> rows,
                     connection.Query("SELECT " + std::string(kRunColumns) +
                                          " FROM runs WHERE id = ?",
                                      kRunColumnCount, {run_id}));
    if (rows.empty()) return NoRun(run_id);
    ASSIGN_OR_RETURN(run, RunOf(rows[0]));
    return LoadImages(connection, run);
  }));
  return run;
}

Result<std::string> RunTable::Record(const std::string& run_id) {
  std::string record;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        connection.Query("SELECT record FROM runs WHERE id = ?", 1, {run_id}));
    if (rows.empty()) return NoRun(run_id);
    record = rows[0][0].text();
    return {};
  }));
  return record;
}

Result<std::vector<StoredRun>> RunTable::List(const RunFilter& filter) {
  if (filter.image && filter.image->repository.empty() &&
      filter.image->digest.empty()) {
    return InvalidArgument(
        "runs of an image are found by its repository or its digest");
  }
  Select select = filter.image ? SelectRunsOfImage(filter) : SelectRuns(filter);
  std::vector<StoredRun> runs;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        connection.Query(select.sql, kRunColumnCount, select.values));
    for (const Row& row : rows) {
      ASSIGN_OR_RETURN(StoredRun run, RunOf(row));
      RETURN_IF_ERROR(LoadImages(connection, run));
      runs.push_back(std::move(run));
    }
    return {};
  }));
  return runs;
}

Status RunTable::SetArchived(const std::string& run_id, bool archived) {
  return database_.Write([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(int64_t now, connection.Now());
    ASSIGN_OR_RETURN(
        int64_t changed,
        connection.Execute(
            "UPDATE runs SET archived = ?, updated = ? WHERE id = ?",
            {int64_t{archived}, now, run_id}));
    if (changed == 0) return NoRun(run_id);
    return {};
  });
}

Result<size_t> RunTable::PruneRuns(run::Time before, size_t batch) {
  size_t pruned = 0;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    // Chunks and images go with their run.
    ASSIGN_OR_RETURN(
        int64_t removed,
        connection.Execute(
            "DELETE FROM runs WHERE number IN (SELECT number FROM runs "
            "WHERE finished > 0 AND archived = 0 AND finished < ? "
            "ORDER BY finished LIMIT ?)",
            {ToMillis(before), static_cast<int64_t>(batch)}));
    pruned = static_cast<size_t>(removed);
    return {};
  }));
  return pruned;
}

Result<size_t> RunTable::PruneLogs(run::Time before, size_t batch) {
  size_t pruned = 0;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(pruned,
                     DropLogs(connection,
                              "SELECT number" + std::string(kWithLogs) +
                                  " AND finished < ? ORDER BY finished LIMIT ?",
                              {ToMillis(before), static_cast<int64_t>(batch)}));
    return {};
  }));
  return pruned;
}

Result<size_t> RunTable::PruneLogsBeyond(int64_t keep_bytes, size_t batch) {
  size_t pruned = 0;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    pruned = 0;
    ASSIGN_OR_RETURN(
        std::vector<Row> total,
        connection.Query(
            "SELECT COALESCE(sum(log_bytes), 0)" + std::string(kWithLogs), 1));
    int64_t excess = total.at(0)[0].number() - keep_bytes;
    if (excess <= 0) return {};
    ASSIGN_OR_RETURN(
        std::vector<Row> oldest,
        connection.Query("SELECT number, log_bytes" + std::string(kWithLogs) +
                             " ORDER BY finished LIMIT ?",
                         2, {static_cast<int64_t>(batch)}));
    for (const Row& row : oldest) {
      if (excess <= 0) break;
      excess -= row[1].number();
      RETURN_IF_ERROR(DropLogs(connection,
                               "SELECT number FROM runs WHERE number = ?",
                               {row[0].number()}));
      ++pruned;
    }
    return {};
  }));
  return pruned;
}

Result<size_t> RunTable::PruneEvents(run::Time before, size_t batch) {
  size_t pruned = 0;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        int64_t removed,
        connection.Execute("DELETE FROM events WHERE key IN (SELECT key FROM "
                           "events WHERE created < ? ORDER BY created LIMIT ?)",
                           {ToMillis(before), static_cast<int64_t>(batch)}));
    pruned = static_cast<size_t>(removed);
    return {};
  }));
  return pruned;
}

}  // namespace strake::tasks::store
