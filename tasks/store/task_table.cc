#include "tasks/store/task_table.h"

#include <algorithm>
#include <utility>

#include "tasks/store/time.h"
#include "tasks/trigger/repository_url.h"
#include "util/result_macros.h"
#include "util/strings.h"

namespace strake::tasks::store {
namespace {

constexpr size_t kLongestName = 50;

Status CheckName(const std::string& name) {
  bool word = std::ranges::all_of(name, [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
  if (word && !name.empty() && name.size() <= kLongestName) return {};
  return InvalidArgument("\"" + name +
                         "\" cannot name a task: 1 to 50 letters, digits, "
                         "\"-\" and \"_\" can");
}

std::string Purpose(const TaskRecord& task, const std::string& place) {
  return "task " + task.name + ": " + place;
}

Result<TaskRecord> Sealed(TaskRecord task, const SecretBox& secrets) {
  RETURN_IF_ERROR(VisitSecrets(
      task, [&](const std::string& place, std::string& value) -> Status {
        ASSIGN_OR_RETURN(value, secrets.Seal(value, Purpose(task, place)));
        return {};
      }));
  return task;
}

Result<TaskRecord> Unsealed(TaskRecord task, const SecretBox& secrets) {
  RETURN_IF_ERROR(VisitSecrets(
      task, [&](const std::string& place, std::string& value) -> Status {
        ASSIGN_OR_RETURN(value, secrets.Unseal(value, Purpose(task, place)));
        return {};
      }));
  return task;
}

std::vector<std::string> FirstColumn(const std::vector<Row>& rows) {
  std::vector<std::string> texts;
  for (const Row& row : rows) texts.push_back(row[0].text());
  return texts;
}

}  // namespace

// The row of the task is there; what is beside it becomes that of `task`.
Status TaskTable::Save(Connection& connection, const TaskRecord& task) {
  ASSIGN_OR_RETURN(TaskRecord sealed, Sealed(task, secrets_));
  ASSIGN_OR_RETURN(int64_t now, connection.Now());
  RETURN_IF_ERROR(connection.Execute(
      "UPDATE tasks SET status = ?, updated = ?, document = ? WHERE name = ?",
      {std::string(task.enabled ? "Enabled" : "Disabled"), now,
       FormatTask(sealed, Secrets::kIncluded), task.name}));
  RETURN_IF_ERROR(connection.Execute("DELETE FROM task_sources WHERE task = ?",
                                     {task.name}));
  for (const SourceTrigger& source : task.sources) {
    ASSIGN_OR_RETURN(std::string repository,
                     trigger::CanonicalRepository(source.repository_url));
    RETURN_IF_ERROR(connection.Execute(
        "INSERT INTO task_sources (task, repository) VALUES (?, ?) "
        "ON CONFLICT DO NOTHING",
        {task.name, repository}));
  }
  return {};
}

Result<TaskRecord> TaskTable::Load(Connection& connection,
                                   const std::string& name) {
  std::string sql = "SELECT document FROM tasks WHERE name = ?";
  ASSIGN_OR_RETURN(std::vector<Row> rows, connection.Query(sql, 1, {name}));
  if (rows.empty()) return NotFound("there is no task " + name);
  ASSIGN_OR_RETURN(TaskRecord task, ParseTask(rows[0][0].text()));
  return Unsealed(std::move(task), secrets_);
}

Status TaskTable::Create(TaskRecord task) {
  RETURN_IF_ERROR(CheckName(task.name));
  return database_.Write([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(int64_t now, connection.Now());
    task.created = FromMillis(now);
    ASSIGN_OR_RETURN(
        int64_t made,
        connection.Execute("INSERT INTO tasks (name, status, created, updated, "
                           "document) VALUES (?, '', ?, ?, '') "
                           "ON CONFLICT DO NOTHING",
                           {task.name, now, now}));
    if (made == 0) {
      return InvalidArgument("there is a task " + task.name + " already");
    }
    return Save(connection, task);
  });
}

Result<TaskRecord> TaskTable::Get(const std::string& name) {
  TaskRecord task;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(task, Load(connection, name));
    return {};
  }));
  return task;
}

Status TaskTable::Modify(const std::string& name,
                         const std::function<Status(TaskRecord&)>& change) {
  return database_.Write([&](Connection& connection) -> Status {
    std::string lock = "SELECT name FROM tasks WHERE name = ?";
    lock += connection.Locking(RowLock::kWait);
    RETURN_IF_ERROR(connection.Query(lock, 1, {name}));
    ASSIGN_OR_RETURN(TaskRecord task, Load(connection, name));
    RETURN_IF_ERROR(change(task));
    if (task.name != name) {
      return Internal("the name of task " + name + " cannot be changed");
    }
    return Save(connection, task);
  });
}

Status TaskTable::Remove(const std::string& name) {
  return database_.Write([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        int64_t removed,
        connection.Execute("DELETE FROM tasks WHERE name = ?", {name}));
    if (removed == 0) return NotFound("there is no task " + name);
    return {};
  });
}

Result<std::vector<TaskRecord>> TaskTable::List(const TaskPage& page) {
  std::vector<TaskRecord> tasks;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        connection.Query("SELECT document FROM tasks WHERE name > ? "
                         "ORDER BY name LIMIT ?",
                         1, {page.after, static_cast<int64_t>(page.limit)}));
    for (const Row& row : rows) {
      ASSIGN_OR_RETURN(TaskRecord task, ParseTask(row[0].text()));
      RETURN_IF_ERROR(VisitSecrets(
          task, [](const std::string&, std::string& value) -> Status {
            value.clear();
            return {};
          }));
      tasks.push_back(std::move(task));
    }
    return {};
  }));
  return tasks;
}

Result<std::vector<std::string>> TaskTable::Watching(
    const std::string& repository) {
  std::vector<std::string> names;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        connection.Query("SELECT task FROM task_sources WHERE repository = ? "
                         "ORDER BY task",
                         1, {repository}));
    names = FirstColumn(rows);
    return {};
  }));
  return names;
}

Result<std::vector<TaskDependency>> TaskTable::Dependencies(
    const std::string& name) {
  std::vector<TaskDependency> dependencies;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        connection.Query(
            "SELECT kind, registry, repository, tag, digest "
            "FROM task_dependencies WHERE task = ? "
            "ORDER BY kind DESC, registry, repository, tag, digest",
            5, {name}));
    for (const Row& row : rows) {
      TaskDependency one;
      one.runtime = row[0].text() == "RunTime";
      one.image.registry = row[1].text();
      one.image.repository = row[2].text();
      one.image.tag = row[3].text();
      one.image.digest = row[4].text();
      dependencies.push_back(std::move(one));
    }
    return {};
  }));
  return dependencies;
}

Result<std::vector<std::string>> TaskTable::DependingOn(
    const run::ImageName& image, bool runtime_only) {
  std::vector<std::string> names;
  std::string sql =
      "SELECT DISTINCT task FROM task_dependencies "
      "WHERE registry = ? AND repository = ? AND tag = ?";
  if (runtime_only) sql += " AND kind = 'RunTime'";
  sql += " ORDER BY task";
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        connection.Query(sql, 1,
                         {image.registry, image.repository, image.tag}));
    names = FirstColumn(rows);
    return {};
  }));
  return names;
}

Result<std::vector<run::ImageName>> TaskTable::WatchedImages() {
  std::vector<run::ImageName> images;
  RETURN_IF_ERROR(database_.Read([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        connection.Query("SELECT DISTINCT registry, repository, tag "
                         "FROM task_dependencies "
                         "ORDER BY registry, repository, tag",
                         3));
    for (const Row& row : rows) {
      run::ImageName image;
      image.registry = row[0].text();
      image.repository = row[1].text();
      image.tag = row[2].text();
      images.push_back(std::move(image));
    }
    return {};
  }));
  return images;
}

}  // namespace strake::tasks::store
