#include "tasks/store/connection.h"

#include <fcntl.h>

// What SOCI adds for types of Boost is templates of its headers, which we use
// none of; without them Boost is not needed to build.
#include <soci/soci-config.h>
#undef SOCI_HAVE_BOOST

#include <soci/postgresql/soci-postgresql.h>
#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <utility>

#include "tasks/gotmpl/utf8.h"
#include "util/result_macros.h"
#include "util/strings.h"
#include "util/unique_fd.h"

namespace strake::tasks::store {
namespace {

constexpr std::chrono::milliseconds kBusyWait{30000};
constexpr std::chrono::milliseconds kBusyPause{20};

std::string Storable(std::string text) {
  if (!gotmpl::ValidUtf8(text)) text = gotmpl::FromRunes(gotmpl::Runes(text));
  if (text.find('\0') == std::string::npos) return text;
  return ReplaceAll(text, std::string_view("\0", 1), "\xef\xbf\xbd");
}

// "?" to ":v1", ":v2", ...: SOCI's form of a value.
std::string WithNames(std::string_view sql) {
  std::string named;
  int count = 0;
  for (char c : sql) {
    if (c == '?') {
      named += ":v" + std::to_string(++count);
    } else {
      named += c;
    }
  }
  return named;
}

ErrorCode SqliteCode(int result) {
  switch (result & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return ErrorCode::kUnavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return ErrorCode::kCorrupt;
    case SQLITE_FULL:
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return ErrorCode::kIo;
    default:
      return ErrorCode::kInternal;
  }
}

// By the classes of PostgreSQL's appendix "Error Codes".
ErrorCode PostgresCode(const std::string& state) {
  if (state == "3D000") return ErrorCode::kNotFound;
  std::string kind = state.substr(0, 2);
  if (kind == "28" || state == "42501") return ErrorCode::kUnauthorized;
  // Connections, resources, an operator's shutdown, conflicts.
  if (kind == "08" || kind == "53" || kind == "57" || kind == "40" ||
      state == "55P03") {
    return ErrorCode::kUnavailable;
  }
  if (kind == "58") return ErrorCode::kIo;
  return kind == "XX" ? ErrorCode::kCorrupt : ErrorCode::kInternal;
}

// libpq gives no code to a connection that was not made.
ErrorCode ConnectCode(std::string_view message) {
  auto says = [&](std::string_view words) {
    return message.find(words) != std::string_view::npos;
  };
  if (says("database \"") && says("does not exist")) {
    return ErrorCode::kNotFound;
  }
  if (says("authentication failed") || says("no password supplied") ||
      says("pg_hba.conf") || says("role \"")) {
    return ErrorCode::kUnauthorized;
  }
  return ErrorCode::kUnavailable;
}

// One value that a prepared statement reads or writes; its address is fixed.
struct Slot {
  long long number = 0;
  std::string text;
  soci::indicator indicator = soci::i_null;
};

struct Prepared {
  std::deque<Slot> values;
  std::deque<Slot> columns;
  std::optional<soci::statement> statement;
};

// Values of one kind share a prepared statement.
std::string KeyOf(std::string_view sql, size_t columns,
                  const std::vector<Value>& values) {
  std::string key(sql);
  key += '\0' + std::to_string(columns);
  for (const Value& value : values) {
    key += std::holds_alternative<int64_t>(value) ? 'n' : 't';
  }
  return key;
}

void Fill(Slot& slot, Value value) {
  slot.indicator = soci::i_ok;
  if (auto* number = std::get_if<int64_t>(&value)) {
    slot.number = *number;
  } else if (auto* text = std::get_if<std::string>(&value)) {
    slot.text = Storable(std::move(*text));
  } else {
    slot.indicator = soci::i_null;
  }
}

Row Taken(const std::deque<Slot>& columns) {
  Row row;
  row.reserve(columns.size());
  for (const Slot& slot : columns) {
    row.push_back(slot.indicator == soci::i_ok ? Cell(slot.text) : Cell());
  }
  return row;
}

}  // namespace

struct Connection::Impl {
  ConnectionOptions options;
  Dialect dialect = Dialect::kSqlite;
  soci::session session;
  // Behind the session: they end before it.
  std::map<std::string, Prepared> prepared;
  bool usable = true;

  Error Failure(std::string_view what, ErrorCode code, const char* message) {
    return Error(code, ShownAddress(options.address) + ": " +
                           std::string(what) + ": " +
                           std::string(TrimRight(message)));
  }

  // Calls `work`, which throws what SOCI throws.
  Status Guard(std::string_view what, const std::function<void()>& work) {
    try {
      work();
      return {};
    } catch (const soci::sqlite3_soci_error& e) {
      return Failure(what, SqliteCode(e.result()), e.what());
    } catch (const soci::postgresql_soci_error& e) {
      bool lost = e.get_error_category() == soci::soci_error::connection_error;
      if (lost) usable = false;
      ErrorCode code =
          lost ? ErrorCode::kUnavailable : PostgresCode(e.sqlstate());
      return Failure(what, code, e.what());
    } catch (const std::exception& e) {
      return Failure(what, ErrorCode::kInternal, e.what());
    }
  }

  Prepared& Prepare(const std::string& key, std::string_view sql,
                    size_t columns, const std::vector<Value>& values) {
    auto found = prepared.find(key);
    if (found != prepared.end()) return found->second;
    Prepared& made = prepared[key];
    made.values.resize(values.size());
    made.columns.resize(columns);
    soci::statement& statement = made.statement.emplace(session);
    for (size_t i = 0; i < values.size(); ++i) {
      Slot& slot = made.values[i];
      if (std::holds_alternative<int64_t>(values[i])) {
        statement.exchange(soci::use(slot.number, slot.indicator));
      } else {
        statement.exchange(soci::use(slot.text, slot.indicator));
      }
    }
    for (Slot& slot : made.columns) {
      statement.exchange(soci::into(slot.text, slot.indicator));
    }
    statement.alloc();
    statement.prepare(WithNames(sql));
    statement.define_and_bind();
    return made;
  }

  // The rows, or how many rows were changed.
  Status Run(std::string_view sql, size_t columns, std::vector<Value> values,
             std::vector<Row>* rows, int64_t* changed) {
    std::string key = KeyOf(sql, columns, values);
    Status ran = Guard(sql, [&] {
      Prepared& now = Prepare(key, sql, columns, values);
      for (size_t i = 0; i < values.size(); ++i) {
        Fill(now.values[i], std::move(values[i]));
      }
      now.statement->execute(rows == nullptr);
      while (rows != nullptr && now.statement->fetch()) {
        rows->push_back(Taken(now.columns));
      }
      if (changed != nullptr) *changed = now.statement->get_affected_rows();
    });
    // One that failed midway may hold locks until it is gone.
    if (!ran) prepared.erase(key);
    return ran;
  }

  Status ConnectSqlite();
  Status UseWal();
  Status ConnectPostgres();
};

// The mode is kept in the file; to change it, nobody else may have the file
// open, and SQLite does not wait for that.
Status Connection::Impl::UseWal() {
  SystemClock clock;
  auto deadline = clock.SteadyNow() + kBusyWait;
  for (;;) {
    std::vector<Row> rows;
    Status done = Run("PRAGMA journal_mode=WAL", 1, {}, &rows, nullptr);
    bool busy = !done && done.error().code() == ErrorCode::kUnavailable;
    if (busy && clock.SteadyNow() < deadline) {
      clock.Wait(kBusyPause, std::stop_token());
      continue;
    }
    RETURN_IF_ERROR(done);
    std::string mode = rows.empty() ? "" : rows[0][0].text();
    if (mode == "wal") return {};
    return Unsupported(options.address + ": SQLite keeps the journal mode \"" +
                       mode +
                       "\" here and needs \"wal\"; put the file on a local "
                       "file system, or use PostgreSQL");
  }
}

Status Connection::Impl::ConnectSqlite() {
  if (options.address.find('"') != std::string::npos) {
    return InvalidArgument(options.address +
                           ": the path of a database may have no quotation "
                           "mark");
  }
  // Logs are nobody else's business; SQLite makes its other files alike.
  {
    ASSIGN_OR_RETURN(UniqueFd file,
                     OpenFile(options.address.c_str(), O_RDWR | O_CREAT, 0600));
  }
  RETURN_IF_ERROR(Guard("open", [&] {
    session.open(*soci::factory_sqlite3(),
                 "dbname=\"" + options.address + "\"");
  }));
  std::vector<Row> rows;
  std::string wait = "PRAGMA busy_timeout=" + std::to_string(kBusyWait.count());
  RETURN_IF_ERROR(Run(wait, 1, {}, &rows, nullptr));
  RETURN_IF_ERROR(UseWal());
  RETURN_IF_ERROR(Run(
      options.sync ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL", 0,
      {}, nullptr, nullptr));
  return Run("PRAGMA foreign_keys=ON", 0, {}, nullptr, nullptr);
}

Status Connection::Impl::ConnectPostgres() {
  Status opened = Guard("connect", [&] {
    session.open(*soci::factory_postgresql(), options.address);
  });
  if (!opened) {
    const std::string& message = opened.error().message();
    return Error(ConnectCode(message), message);
  }
  RETURN_IF_ERROR(Run("SET client_encoding = 'UTF8'", 0, {}, nullptr, nullptr));
  // Notices would go to standard error.
  return Run("SET client_min_messages = warning", 0, {}, nullptr, nullptr);
}

int64_t Cell::number() const { return ParseInt(text_).value_or(0); }

Dialect DialectOf(std::string_view address) {
  bool postgres = address.starts_with("postgresql://") ||
                  address.starts_with("postgres://");
  return postgres ? Dialect::kPostgres : Dialect::kSqlite;
}

std::string ShownAddress(std::string_view address) {
  if (DialectOf(address) == Dialect::kSqlite) return std::string(address);
  // Options may have a password too.
  std::string shown(address.substr(0, address.find('?')));
  size_t user = shown.find("://") + 3;
  size_t at = shown.find('@', user);
  size_t colon = shown.find(':', user);
  if (at != std::string::npos && colon < at) shown.erase(colon, at - colon);
  return shown;
}

Connection::Connection(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Connection::~Connection() = default;

Result<std::unique_ptr<Connection>> Connection::Open(
    const ConnectionOptions& options) {
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->dialect = DialectOf(options.address);
  RETURN_IF_ERROR(impl->dialect == Dialect::kSqlite ? impl->ConnectSqlite()
                                                    : impl->ConnectPostgres());
  return std::unique_ptr<Connection>(new Connection(std::move(impl)));
}

Dialect Connection::dialect() const { return impl_->dialect; }
bool Connection::usable() const { return impl_->usable; }

Result<std::vector<Row>> Connection::Query(std::string_view sql, size_t columns,
                                           std::vector<Value> values) {
  std::vector<Row> rows;
  RETURN_IF_ERROR(impl_->Run(sql, columns, std::move(values), &rows, nullptr));
  return rows;
}

Result<int64_t> Connection::Execute(std::string_view sql,
                                    std::vector<Value> values) {
  int64_t changed = 0;
  RETURN_IF_ERROR(impl_->Run(sql, 0, std::move(values), nullptr, &changed));
  return changed;
}

Status Connection::Begin() {
  // A transaction of SQLite that begins by reading can fail to write later.
  bool sqlite = impl_->dialect == Dialect::kSqlite;
  return impl_->Run(sqlite ? "BEGIN IMMEDIATE" : "BEGIN", 0, {}, nullptr,
                    nullptr);
}

Status Connection::Commit() {
  return impl_->Run("COMMIT", 0, {}, nullptr, nullptr);
}

void Connection::Rollback() {
  if (!impl_->Run("ROLLBACK", 0, {}, nullptr, nullptr)) impl_->usable = false;
}

std::string_view Connection::Locking(RowLock lock) const {
  if (impl_->dialect == Dialect::kSqlite) return "";
  return lock == RowLock::kWait ? " FOR UPDATE" : " FOR UPDATE SKIP LOCKED";
}

Status Connection::LockName(std::string_view name) {
  if (impl_->dialect == Dialect::kSqlite) return {};
  std::vector<Row> rows;
  return impl_->Run("SELECT pg_advisory_xact_lock(hashtextextended(?, 0))", 1,
                    {std::string(name)}, &rows, nullptr);
}

Result<int64_t> Connection::Now() {
  if (impl_->options.clock == nullptr && impl_->dialect == Dialect::kPostgres) {
    ASSIGN_OR_RETURN(
        std::vector<Row> rows,
        Query("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS "
              "BIGINT)",
              1));
    return rows.at(0)[0].number();
  }
  SystemClock system;
  Clock& clock = impl_->options.clock != nullptr ? *impl_->options.clock
                                                 : static_cast<Clock&>(system);
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             clock.Now().time_since_epoch())
      .count();
}

}  // namespace strake::tasks::store
