// The database of a server of tasks: a SQLite file, or PostgreSQL for several
// machines. Opened, brought to the newest schema, and handed out a connection
// at a time. Thread-safe; several processes may have it open.
//
// SQLite lets one write at a time: our own threads take turns on one connection
// rather than poll for SQLite's lock.

#ifndef STRAKE_TASKS_STORE_DATABASE_H_
#define STRAKE_TASKS_STORE_DATABASE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tasks/store/connection.h"
#include "util/guarded.h"
#include "util/result.h"

namespace strake::tasks::store {

struct DatabaseOptions {
  std::string address;     // "postgresql://...", or the path of a SQLite file
  Clock* clock = nullptr;  // borrowed; none: see `Connection::Now`
  size_t connections = 4;  // at most open at once, from 1
  // SQLite: what was committed outlives a power cut; else only our own death.
  bool sync = true;
};

class Database {
 public:
  using Work = std::function<Status(Connection&)>;

  // Errors: those of `Connection::Open`; `kUnsupported` where a newer strake
  // has changed the schema.
  static Result<std::unique_ptr<Database>> Open(DatabaseOptions options);

  // Calls `work` in a transaction of its own, committed where it succeeds.
  // Called again, a few times, where another transaction was in the way: `work`
  // has no effects but those on the database and on what it sets anew.
  // A connection lost in the commit itself is `kUnavailable` at once, and
  // leaves open whether it has happened.
  Status Write(const Work& work);
  // Calls `work`, which only reads; each statement sees a state of its own.
  Status Read(const Work& work);

  Dialect dialect() const { return DialectOf(options_.address); }
  // As messages show it.
  std::string shown_address() const { return ShownAddress(options_.address); }

 private:
  struct Connections {
    std::vector<std::unique_ptr<Connection>> idle;
    size_t open = 0;  // with those in use
    // Who comes first is served first: one that writes batch after batch does
    // not starve those that wait.
    uint64_t next_turn = 0;
    uint64_t turn = 0;
  };
  struct Pool {
    Guarded<Connections> connections;
    std::condition_variable given_back;
    size_t limit = 1;
  };
  class Lease;

  explicit Database(DatabaseOptions options);
  Result<std::unique_ptr<Connection>> Take(Pool& pool);
  static void GiveBack(Pool& pool, std::unique_ptr<Connection> connection);
  Pool& writers() { return dialect() == Dialect::kSqlite ? writer_ : pool_; }
  // `certain` becomes whether a failure has left nothing behind.
  Status WriteOnce(const Work& work, bool& certain);

  DatabaseOptions options_;
  Pool pool_;
  Pool writer_;  // SQLite: the one connection that writes
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_DATABASE_H_
