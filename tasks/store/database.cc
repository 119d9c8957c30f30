#include "tasks/store/database.h"

#include <algorithm>
#include <utility>

#include "tasks/store/migrations.h"
#include "util/result_macros.h"

namespace strake::tasks::store {
namespace {

constexpr int kTries = 5;

}  // namespace

// A connection out of its pool, back into it at the end.
class Database::Lease {
 public:
  explicit Lease(Pool& pool) : pool_(pool) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() {
    if (connection_ != nullptr) GiveBack(pool_, std::move(connection_));
  }

  Status Take(Database& database) {
    ASSIGN_OR_RETURN(connection_, database.Take(pool_));
    return {};
  }
  Connection& operator*() { return *connection_; }
  Connection* operator->() { return connection_.get(); }

 private:
  Pool& pool_;
  std::unique_ptr<Connection> connection_;
};

Database::Database(DatabaseOptions options) : options_(std::move(options)) {
  pool_.limit = std::max<size_t>(options_.connections, 1);
}

Result<std::unique_ptr<Database>> Database::Open(DatabaseOptions options) {
  std::unique_ptr<Database> database(new Database(std::move(options)));
  RETURN_IF_ERROR(database->Write(
      [](Connection& connection) { return Migrate(connection); }));
  return database;
}

Result<std::unique_ptr<Connection>> Database::Take(Pool& pool) {
  {
    auto now = pool.connections.lock();
    const uint64_t turn = now->next_turn++;
    now.Wait(pool.given_back, [&pool, turn](const Connections& connections) {
      bool free = !connections.idle.empty() || connections.open < pool.limit;
      return free && connections.turn == turn;
    });
    ++now->turn;
    pool.given_back.notify_all();
    if (!now->idle.empty()) {
      std::unique_ptr<Connection> connection = std::move(now->idle.back());
      now->idle.pop_back();
      return connection;
    }
    ++now->open;
  }
  auto connection =
      Connection::Open({options_.address, options_.clock, options_.sync});
  if (!connection) GiveBack(pool, nullptr);
  return connection;
}

void Database::GiveBack(Pool& pool, std::unique_ptr<Connection> connection) {
  {
    auto now = pool.connections.lock();
    if (connection != nullptr && connection->usable()) {
      now->idle.push_back(std::move(connection));
    } else {
      --now->open;
    }
  }
  pool.given_back.notify_all();
}

Status Database::WriteOnce(const Work& work, bool& certain) {
  certain = true;
  Lease connection(writers());
  RETURN_IF_ERROR(connection.Take(*this));
  RETURN_IF_ERROR(connection->Begin());
  Status done = work(*connection);
  if (done) {
    done = connection->Commit();
    certain = connection->usable();
  }
  if (!done) connection->Rollback();
  return done;
}

Status Database::Write(const Work& work) {
  for (int attempt = 1;; ++attempt) {
    bool certain = true;
    Status done = WriteOnce(work, certain);
    bool again = !done && done.error().code() == ErrorCode::kUnavailable;
    if (!again || !certain || attempt == kTries) return done;
  }
}

Status Database::Read(const Work& work) {
  Lease connection(pool_);
  RETURN_IF_ERROR(connection.Take(*this));
  return work(*connection);
}

}  // namespace strake::tasks::store
