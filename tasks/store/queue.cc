#include "tasks/store/queue.h"

#include <set>
#include <tuple>
#include <utility>

#include "tasks/run/run_id.h"
#include "tasks/store/run_row.h"
#include "tasks/store/time.h"
#include "util/result_macros.h"

namespace strake::tasks::store {
namespace {

std::string Purpose(const std::string& run_id) { return "run " + run_id; }

// ---- Queueing -----------------------------------------------------------

// Runs of one group replace each other only if they are asked to.
std::string GroupOf(const NewRun& run) {
  return run.group.empty() ? "task:" + run.task : run.group;
}

// The counter's row stays locked to the end of the transaction, so that runs
// are queued one after the other and numbers leave no gap.
Result<int64_t> LockCounter(Connection& connection) {
  std::string sql = "SELECT value FROM counters WHERE name = 'run'";
  sql += connection.Locking(RowLock::kWait);
  ASSIGN_OR_RETURN(std::vector<Row> rows, connection.Query(sql, 1));
  if (rows.empty()) return Corrupt("the database has no counter of runs");
  return rows[0][0].number();
}

// The run that the event led to before, or "".
Result<std::string> RunOfEvent(Connection& connection,
                               const std::string& event) {
  if (event.empty()) return std::string();
  ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      connection.Query("SELECT run FROM events WHERE key = ?", 1, {event}));
  return rows.empty() ? std::string() : rows[0][0].text();
}

Status NoteEvent(Connection& connection, const std::string& event,
                 const std::string& run_id, int64_t now) {
  if (event.empty()) return {};
  RETURN_IF_ERROR(connection.Execute(
      "INSERT INTO events (key, created, run) VALUES (?, ?, ?)",
      {event, now, run_id}));
  return {};
}

struct GroupMember {
  int64_t number = 0;
  std::string id;
  RunState state = RunState::kQueued;
};

// The runs of the group that have not ended, newest first.
Result<std::vector<GroupMember>> LiveMembers(Connection& connection,
                                             const std::string& group) {
  std::string sql =
      "SELECT number, id, status FROM runs WHERE queue_group = ?"
      " AND status IN ('Queued', 'Running') ORDER BY number DESC";
  sql += connection.Locking(RowLock::kWait);
  ASSIGN_OR_RETURN(std::vector<Row> rows, connection.Query(sql, 3, {group}));
  std::vector<GroupMember> members;
  for (const Row& row : rows) {
    bool queued = row[2].text() == "Queued";
    members.push_back({row[0].number(), row[1].text(),
                       queued ? RunState::kQueued : RunState::kRunning});
  }
  return members;
}

Status CancelMember(Connection& connection, int64_t number, RunState state,
                    const std::string& why, int64_t now) {
  if (state == RunState::kQueued) {
    RETURN_IF_ERROR(connection.Execute(
        "UPDATE runs SET status = 'Canceled', finished = ?, updated = ?, "
        "error = ? WHERE number = ?",
        {now, now, why, number}));
    return {};
  }
  RETURN_IF_ERROR(connection.Execute(
      "UPDATE runs SET cancel_requested = 1, updated = ? WHERE number = ?",
      {now, number}));
  return {};
}

// Queues one run; one call, in a transaction.
class Enqueuer {
 public:
  Enqueuer(Connection& connection, const SecretBox& secrets, const NewRun& run)
      : connection_(connection), secrets_(secrets), run_(run) {}

  Result<Enqueued> Run() {
    ASSIGN_OR_RETURN(now_, connection_.Now());
    ASSIGN_OR_RETURN(int64_t last, LockCounter(connection_));
    ASSIGN_OR_RETURN(std::string before, RunOfEvent(connection_, run_.event));
    if (!before.empty()) {
      return Enqueued{EnqueueResult::kDuplicate, before, {}};
    }
    ASSIGN_OR_RETURN(Enqueued done, Place(last + 1));
    RETURN_IF_ERROR(NoteEvent(connection_, run_.event, done.run_id, now_));
    return done;
  }

 private:
  Result<Enqueued> Place(int64_t number) {
    Enqueued done;
    std::vector<GroupMember> members;
    if (run_.coalesce || run_.cancel_superseded) {
      ASSIGN_OR_RETURN(members, LiveMembers(connection_, GroupOf(run_)));
    }
    std::optional<GroupMember> waiting;
    for (const GroupMember& member : members) {
      bool queued = member.state == RunState::kQueued;
      if (run_.coalesce && queued && !waiting) {
        waiting = member;
      } else if (run_.cancel_superseded) {
        RETURN_IF_ERROR(CancelMember(connection_, member.number, member.state,
                                     "superseded by a newer run", now_));
        done.superseded.push_back(member.id);
      }
    }
    done.run_id =
        waiting ? waiting->id : run::RunId(static_cast<uint64_t>(number));
    done.result = waiting ? EnqueueResult::kCoalesced : EnqueueResult::kQueued;
    RETURN_IF_ERROR(waiting ? Replace(*waiting) : Insert(number, done.run_id));
    return done;
  }

  Status Replace(const GroupMember& waiting) {
    ASSIGN_OR_RETURN(std::string request,
                     secrets_.Seal(run_.request, Purpose(waiting.id)));
    RETURN_IF_ERROR(connection_.Execute(
        "UPDATE runs SET cause = ?, request = ?, platform = ?, updated = ? "
        "WHERE number = ?",
        {FormatCause(run_.cause), request, run_.platform, now_,
         waiting.number}));
    return {};
  }

  Status Insert(int64_t number, const std::string& id) {
    ASSIGN_OR_RETURN(std::string request,
                     secrets_.Seal(run_.request, Purpose(id)));
    RETURN_IF_ERROR(connection_.Execute(
        "UPDATE counters SET value = ? WHERE name = 'run'", {number}));
    RETURN_IF_ERROR(connection_.Execute(
        "INSERT INTO runs (number, id, task, status, kind, cause, platform, "
        "priority, queue_group, concurrency, created, available, updated, "
        "max_attempts, request) "
        "VALUES (?, ?, ?, 'Queued', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        {number, id, run_.task, run_.kind, FormatCause(run_.cause),
         run_.platform, run_.priority, GroupOf(run_), run_.concurrency, now_,
         now_, now_, run_.max_attempts, request}));
    return {};
  }

  Connection& connection_;
  const SecretBox& secrets_;
  const NewRun& run_;
  int64_t now_ = 0;
};

// ---- Claiming -----------------------------------------------------------

struct Candidate {
  int64_t number = 0;
  std::string task;
  int64_t concurrency = 0;
};

constexpr std::string_view kFindCandidate =
    "SELECT number, task, concurrency FROM runs"
    " WHERE status = 'Queued' AND available <= ?"
    " AND (concurrency = 0 OR concurrency >"
    "  (SELECT count(*) FROM runs AS busy"
    "   WHERE busy.task = runs.task AND busy.status = 'Running'))"
    " ORDER BY priority DESC, number LIMIT 1";

Result<std::optional<Candidate>> FindCandidate(Connection& connection,
                                               int64_t now) {
  std::string sql(kFindCandidate);
  sql += connection.Locking(RowLock::kSkipLocked);
  ASSIGN_OR_RETURN(std::vector<Row> rows, connection.Query(sql, 3, {now}));
  if (rows.empty()) return std::optional<Candidate>();
  return std::optional<Candidate>(
      {rows[0][0].number(), rows[0][1].text(), rows[0][2].number()});
}

// Two transactions may each see room for one more run of a task; they ask again
// one after the other, when the first one's claim is there to be seen.
Result<bool> HasRoom(Connection& connection, const Candidate& candidate) {
  if (candidate.concurrency == 0) return true;
  RETURN_IF_ERROR(connection.LockName("strake task " + candidate.task));
  ASSIGN_OR_RETURN(
      std::vector<Row> rows,
      connection.Query(
          "SELECT count(*) FROM runs WHERE task = ? AND status = 'Running'", 1,
          {candidate.task}));
  return rows.at(0)[0].number() < candidate.concurrency;
}

Result<ClaimedRun> Take(Connection& connection, const SecretBox& secrets,
                        int64_t number, const std::string& worker, int64_t now,
                        std::chrono::milliseconds lease) {
  RETURN_IF_ERROR(connection.Execute(
      "UPDATE runs SET status = 'Running', worker = ?, token = token + 1, "
      "attempts = attempts + 1, lease_until = ?, updated = ?, "
      "started = CASE WHEN started = 0 THEN ? ELSE started END "
      "WHERE number = ?",
      {worker, now + lease.count(), now, now, number}));
  std::string sql = "SELECT " + std::string(kRunColumns) +
                    ", token, request FROM runs WHERE number = ?";
  ASSIGN_OR_RETURN(std::vector<Row> rows,
                   connection.Query(sql, kRunColumnCount + 2, {number}));
  ClaimedRun claimed;
  ASSIGN_OR_RETURN(claimed.run, RunOf(rows.at(0)));
  claimed.lease = {number, claimed.run.id, rows[0][kRunColumnCount].number()};
  ASSIGN_OR_RETURN(claimed.request,
                   secrets.Unseal(rows[0][kRunColumnCount + 1].text(),
                                  Purpose(claimed.run.id)));
  return claimed;
}

// ---- Ending -------------------------------------------------------------

Status SaveImages(Connection& connection, int64_t run,
                  const std::vector<run::ImageName>& images) {
  for (const run::ImageName& image : images) {
    RETURN_IF_ERROR(connection.Execute(
        "INSERT INTO run_images (run, registry, repository, tag, digest) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        {run, image.registry, image.repository, image.tag, image.digest}));
  }
  return {};
}

// What the task stands on from now on, if it is still registered.
Status SaveDependencies(
    Connection& connection, const std::string& task,
    const std::vector<run::ImageDependencies>& dependencies) {
  ASSIGN_OR_RETURN(
      std::vector<Row> known,
      connection.Query("SELECT name FROM tasks WHERE name = ?" +
                           std::string(connection.Locking(RowLock::kWait)),
                       1, {task}));
  if (known.empty()) return {};
  RETURN_IF_ERROR(connection.Execute(
      "DELETE FROM task_dependencies WHERE task = ?", {task}));
  auto save = [&](const char* kind, const run::ImageName& image) -> Status {
    if (image.repository.empty()) return {};
    RETURN_IF_ERROR(
        connection.Execute("INSERT INTO task_dependencies "
                           "(task, kind, registry, repository, tag, digest) "
                           "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                           {task, std::string(kind), image.registry,
                            image.repository, image.tag, image.digest}));
    return {};
  };
  for (const run::ImageDependencies& image : dependencies) {
    RETURN_IF_ERROR(save("RunTime", image.runtime));
    for (const run::ImageName& base : image.buildtime) {
      RETURN_IF_ERROR(save("BuildTime", base));
    }
  }
  return {};
}

// Whether the lease still holds; its run's row is locked then.
struct Held {
  std::string task;
  int64_t attempts = 0;
  int64_t max_attempts = 0;
  bool cancel = false;
};
Result<std::optional<Held>> Check(Connection& connection, const Lease& lease) {
  std::string sql =
      "SELECT task, attempts, max_attempts, cancel_requested FROM runs "
      "WHERE number = ? AND token = ? AND status = 'Running'";
  sql += connection.Locking(RowLock::kWait);
  ASSIGN_OR_RETURN(std::vector<Row> rows,
                   connection.Query(sql, 4, {lease.run_number, lease.token}));
  if (rows.empty()) return std::optional<Held>();
  return std::optional<Held>({rows[0][0].text(), rows[0][1].number(),
                              rows[0][2].number(), rows[0][3].number() != 0});
}

Status End(Connection& connection, int64_t number, RunState state,
           const std::string& error, int64_t now) {
  RETURN_IF_ERROR(connection.Execute(
      "UPDATE runs SET status = ?, error = ?, finished = ?, updated = ? "
      "WHERE number = ?",
      {std::string(RunStateName(state)), error, now, now, number}));
  return {};
}

Status PutBack(Connection& connection, int64_t number, const std::string& error,
               int64_t available, int64_t now) {
  RETURN_IF_ERROR(connection.Execute(
      "UPDATE runs SET status = 'Queued', error = ?, available = ?, "
      "updated = ? WHERE number = ?",
      {error, available, now, number}));
  return {};
}

Result<Expired> Expire(Connection& connection, const Row& row, int64_t now) {
  const int64_t number = row[0].number();
  const std::string worker = row[2].text();
  const int64_t attempts = row[3].number();
  const std::string error =
      "the worker " + worker + " fell silent in attempt " +
      std::to_string(attempts) + " of " + std::to_string(row[4].number());
  Expired expired;
  expired.run_id = row[1].text();
  if (row[5].number() != 0) {
    expired.state = RunState::kCanceled;
  } else if (attempts >= row[4].number()) {
    expired.state = RunState::kError;
  } else {
    RETURN_IF_ERROR(PutBack(connection, number, error, now, now));
    return expired;
  }
  RETURN_IF_ERROR(End(connection, number, expired.state, error, now));
  return expired;
}

}  // namespace

Result<Enqueued> Queue::Enqueue(const NewRun& run) {
  Enqueued done;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(done, Enqueuer(connection, secrets_, run).Run());
    return {};
  }));
  return done;
}

Result<std::optional<ClaimedRun>> Queue::Claim(
    const std::string& worker, std::chrono::milliseconds lease) {
  std::optional<ClaimedRun> claimed;
  bool again = true;
  while (again && !claimed) {
    RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
      claimed.reset();
      ASSIGN_OR_RETURN(int64_t now, connection.Now());
      ASSIGN_OR_RETURN(auto candidate, FindCandidate(connection, now));
      again = candidate.has_value();
      if (!candidate) return {};
      ASSIGN_OR_RETURN(bool room, HasRoom(connection, *candidate));
      if (!room) return {};
      ASSIGN_OR_RETURN(claimed, Take(connection, secrets_, candidate->number,
                                     worker, now, lease));
      return {};
    }));
  }
  return claimed;
}

Result<Renewed> Queue::Renew(const Lease& lease,
                             std::chrono::milliseconds duration) {
  Renewed renewed;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    renewed = {};
    ASSIGN_OR_RETURN(auto held, Check(connection, lease));
    if (!held) return {};
    ASSIGN_OR_RETURN(int64_t now, connection.Now());
    RETURN_IF_ERROR(
        connection.Execute("UPDATE runs SET lease_until = ? WHERE number = ?",
                           {now + duration.count(), lease.run_number}));
    renewed = {true, held->cancel};
    return {};
  }));
  return renewed;
}

Result<bool> Queue::Finish(const Lease& lease, const Outcome& outcome) {
  if (!Ended(outcome.state)) {
    return Internal("a run cannot end as " +
                    std::string(RunStateName(outcome.state)));
  }
  bool finished = false;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    ASSIGN_OR_RETURN(auto held, Check(connection, lease));
    finished = held.has_value();
    if (!held) return {};
    ASSIGN_OR_RETURN(int64_t now, connection.Now());
    RETURN_IF_ERROR(
        End(connection, lease.run_number, outcome.state, outcome.error, now));
    RETURN_IF_ERROR(
        connection.Execute("UPDATE runs SET record = ? WHERE number = ?",
                           {outcome.record, lease.run_number}));
    RETURN_IF_ERROR(SaveImages(connection, lease.run_number, outcome.images));
    if (outcome.state != RunState::kSucceeded) return {};
    return SaveDependencies(connection, held->task, outcome.dependencies);
  }));
  return finished;
}

Result<RetryResult> Queue::Retry(const Lease& lease, const std::string& error,
                                 std::chrono::milliseconds delay) {
  RetryResult result = RetryResult::kLost;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    result = RetryResult::kLost;
    ASSIGN_OR_RETURN(auto held, Check(connection, lease));
    if (!held) return {};
    ASSIGN_OR_RETURN(int64_t now, connection.Now());
    if (held->cancel || held->attempts >= held->max_attempts) {
      result = RetryResult::kNoneLeft;
      return End(connection, lease.run_number,
                 held->cancel ? RunState::kCanceled : RunState::kError, error,
                 now);
    }
    result = RetryResult::kQueued;
    return PutBack(connection, lease.run_number, error, now + delay.count(),
                   now);
  }));
  return result;
}

Result<RunState> Queue::Cancel(const std::string& run_id) {
  RunState state = RunState::kCanceled;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    std::string sql = "SELECT number, status FROM runs WHERE id = ?";
    sql += connection.Locking(RowLock::kWait);
    ASSIGN_OR_RETURN(std::vector<Row> rows, connection.Query(sql, 2, {run_id}));
    if (rows.empty()) return NotFound("there is no run " + run_id);
    state = ParseRunState(rows[0][1].text()).value_or(RunState::kError);
    if (Ended(state)) return {};
    ASSIGN_OR_RETURN(int64_t now, connection.Now());
    RETURN_IF_ERROR(CancelMember(connection, rows[0][0].number(), state,
                                 "cancelled before it began", now));
    if (state == RunState::kQueued) state = RunState::kCanceled;
    return {};
  }));
  return state;
}

Result<std::vector<Expired>> Queue::ExpireLeases() {
  std::vector<Expired> expired;
  RETURN_IF_ERROR(database_.Write([&](Connection& connection) -> Status {
    expired.clear();
    ASSIGN_OR_RETURN(int64_t now, connection.Now());
    std::string sql =
        "SELECT number, id, worker, attempts, max_attempts, cancel_requested "
        "FROM runs WHERE status = 'Running' AND lease_until < ? "
        "ORDER BY lease_until LIMIT 100";
    sql += connection.Locking(RowLock::kSkipLocked);
    ASSIGN_OR_RETURN(std::vector<Row> rows, connection.Query(sql, 6, {now}));
    for (const Row& row : rows) {
      ASSIGN_OR_RETURN(Expired one, Expire(connection, row, now));
      expired.push_back(std::move(one));
    }
    return {};
  }));
  return expired;
}

}  // namespace strake::tasks::store
