// One connection to a database, SQLite's or PostgreSQL's, spoken to in the SQL
// that both understand. All of SOCI, and all that it throws, stays behind it.
//
// In the text of a statement each "?" stands for the next value; none may stand
// in a literal. Statements are prepared once for a connection, so their texts
// must be few: what varies is a value.
//
// Not thread-safe: `Database` hands a connection to one caller at a time.

#ifndef STRAKE_TASKS_STORE_CONNECTION_H_
#define STRAKE_TASKS_STORE_CONNECTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "util/clock.h"
#include "util/result.h"

namespace strake::tasks::store {

enum class Dialect { kSqlite, kPostgres };

// What a "?" stands for: NULL, a number or a text. Text that is not UTF-8, and
// NUL, are stored as U+FFFD: PostgreSQL takes neither.
using Value = std::variant<std::monostate, int64_t, std::string>;

// One field of a row.
class Cell {
 public:
  Cell() = default;
  explicit Cell(std::string text) : text_(std::move(text)), null_(false) {}

  bool null() const { return null_; }
  const std::string& text() const { return text_; }  // NULL: ""
  int64_t number() const;                            // NULL, no number: 0

 private:
  std::string text_;
  bool null_ = true;
};
using Row = std::vector<Cell>;

// Which rows a SELECT locks for its transaction; SQLite's writers are alone.
enum class RowLock { kWait, kSkipLocked };

struct ConnectionOptions {
  std::string address;     // "postgresql://...", or the path of a SQLite file
  Clock* clock = nullptr;  // borrowed; none: see `Now`
  // SQLite: what was committed outlives a power cut; else only our own death.
  bool sync = true;
};

// `address` as messages show it: without the password in it.
std::string ShownAddress(std::string_view address);
Dialect DialectOf(std::string_view address);

class Connection {
 public:
  // Connects. A SQLite file is made with mode 0600 where there is none; its
  // folder must exist.
  // Errors: `kUnavailable`, `kUnauthorized`, `kNotFound` (no such database),
  // `kUnsupported` (a file system without what WAL needs), `kIo`, `kCorrupt`.
  static Result<std::unique_ptr<Connection>> Open(
      const ConnectionOptions& options);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  Dialect dialect() const;
  // False once the connection has broken: to be dropped.
  bool usable() const;

  // The rows of `sql`, each of `columns` cells.
  // Errors: `kUnavailable` (conflict with another transaction, or the
  // connection was lost: another try may succeed), `kCorrupt`, `kIo` (disk),
  // `kInternal` (our SQL is wrong, or breaks a constraint).
  Result<std::vector<Row>> Query(std::string_view sql, size_t columns,
                                 std::vector<Value> values = {});
  // The same for what returns no rows: how many were changed.
  Result<int64_t> Execute(std::string_view sql, std::vector<Value> values = {});

  // A transaction that writes. SQLite: waits until no other does.
  Status Begin();
  Status Commit();
  void Rollback();

  // What a SELECT ends with to lock what it returns; empty for SQLite.
  std::string_view Locking(RowLock lock) const;
  // Waits until no other transaction holds `name`; held to the end of ours.
  Status LockName(std::string_view name);

  // Milliseconds since 1970: of the clock that was given; of PostgreSQL, whose
  // clients' clocks may differ; or of the system.
  Result<int64_t> Now();

 private:
  struct Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_CONNECTION_H_
