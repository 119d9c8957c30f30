#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include "tasks/store/database.h"
#include "tests/tasks/store_fixture.h"

namespace strake::tasks::store {
namespace {

using testing::FailsWith;
using testing::IsOk;

class StoreDatabaseTest : public StoreTest {
 protected:
  int64_t Number(const std::string& sql) {
    int64_t number = -1;
    EXPECT_TRUE(IsOk(database_->Read([&](Connection& connection) -> Status {
      auto rows = connection.Query(sql, 1);
      if (!rows) return rows.error();
      number = rows->at(0)[0].number();
      return {};
    })));
    return number;
  }
  Status Do(const std::string& sql, std::vector<Value> values = {}) {
    return database_->Write([&](Connection& connection) -> Status {
      auto done = connection.Execute(sql, values);
      return done ? Status() : Status(done.error());
    });
  }
};
STRAKE_WITH_BOTH_DATABASES(StoreDatabaseTest);

TEST_P(StoreDatabaseTest, ManyThatOpenAFreshDatabaseAtOnceMakeOneSchema) {
  database_.reset();
  address_ = GetParam() == Dialect::kSqlite ? directory_.path("fresh.db")
                                            : server_->NewDatabase("fresh");
  std::vector<std::thread> threads;
  std::atomic<int> opened = 0;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      if (OpenAnother() != nullptr) ++opened;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(opened, 4);
  database_ = OpenAnother();
  EXPECT_EQ(Number("SELECT count(*) FROM schema_versions"), 1);
  EXPECT_EQ(Number("SELECT count(*) FROM counters"), 1);
}

TEST_P(StoreDatabaseTest, ASchemaOfANewerStrakeIsLeftAlone) {
  ASSERT_TRUE(IsOk(Do("INSERT INTO schema_versions (version) VALUES (999)")));
  EXPECT_TRUE(FailsWith(Database::Open({.address = address_}),
                        ErrorCode::kUnsupported, "schema version 999"));
}

TEST_P(StoreDatabaseTest, AFailedTransactionLeavesNothing) {
  Status done = database_->Write([](Connection& connection) -> Status {
    auto made = connection.Execute(
        "INSERT INTO counters (name, value) VALUES ('x', 1)");
    EXPECT_TRUE(IsOk(made));
    return InvalidArgument("no");
  });
  EXPECT_TRUE(FailsWith(done, ErrorCode::kInvalidArgument, "no"));
  EXPECT_EQ(Number("SELECT count(*) FROM counters"), 1);
  // The connection is as good as before, after an error of its own too.
  EXPECT_TRUE(FailsWith(Do("SELECT nonsense"), ErrorCode::kInternal));
  EXPECT_TRUE(FailsWith(Do("INSERT INTO counters (name, value) "
                           "VALUES ('run', 1)"),
                        ErrorCode::kInternal));
  EXPECT_EQ(Number("SELECT count(*) FROM counters"), 1);
}

TEST_P(StoreDatabaseTest, TextComesBackAsItWas) {
  const std::string text = "':x' ? \"q\" \\ \xc3\xa4 100% $1\n";
  ASSERT_TRUE(IsOk(Do("INSERT INTO events (key, created, run) VALUES (?, ?, ?)",
                      {text, int64_t{1} << 62, std::string()})));
  ASSERT_TRUE(IsOk(Do("INSERT INTO events (key, created, run) VALUES (?, ?, ?)",
                      {std::string("a\0\xff", 3), int64_t{-1}, text})));
  EXPECT_TRUE(IsOk(database_->Read([&](Connection& connection) -> Status {
    auto rows = connection.Query(
        "SELECT key, created, run FROM events ORDER BY created DESC", 3);
    EXPECT_TRUE(IsOk(rows));
    EXPECT_EQ(rows->at(0)[0].text(), text);
    EXPECT_EQ(rows->at(0)[1].number(), int64_t{1} << 62);
    EXPECT_EQ(rows->at(0)[2].text(), "");
    EXPECT_FALSE(rows->at(0)[2].null());
    EXPECT_EQ(rows->at(1)[0].text(), "a\xef\xbf\xbd\xef\xbf\xbd");
    return {};
  })));
}

// SQLite has no connection to lose, and asks nobody for a password.
class StorePostgresTest : public StoreDatabaseTest {};
INSTANTIATE_TEST_SUITE_P(Databases, StorePostgresTest,
                         ::testing::Values(Dialect::kPostgres), DialectName);

TEST_P(StorePostgresTest, SaysWhyItCannotConnect) {
  std::string other = address_;
  other.replace(other.find("/strake?"), 8, "/none?");
  EXPECT_TRUE(FailsWith(Database::Open({.address = other}),
                        ErrorCode::kNotFound, "\"none\" does not exist"));
  other = address_;
  other.replace(other.find("postgres@"), 9, "nobody@");
  EXPECT_TRUE(FailsWith(Database::Open({.address = other}),
                        ErrorCode::kUnauthorized, "nobody"));
}

TEST_P(StorePostgresTest, ALostConnectionIsReplaced) {
  ASSERT_TRUE(IsOk(Do("UPDATE counters SET value = 5")));
  auto other = OpenAnother();
  ASSERT_TRUE(IsOk(other->Read([](Connection& connection) -> Status {
    auto done = connection.Query(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'",
        1);
    return done ? Status() : Status(done.error());
  })));
  EXPECT_TRUE(IsOk(Do("UPDATE counters SET value = 6")));
  EXPECT_EQ(Number("SELECT value FROM counters"), 6);
}

TEST(StoreConnectionTest, TheFileIsItsOwnersAlone) {
  testing::TempDir directory;
  const std::string path = directory.path("with space.db");
  ASSERT_TRUE(IsOk(Database::Open({.address = path})));
  struct stat st;
  ASSERT_EQ(::stat(path.c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
}

TEST(StoreConnectionTest, WhatIsNoDatabaseIsRefused) {
  testing::TempDir directory;
  directory.Write("file", std::string(5000, 'x'));
  EXPECT_TRUE(FailsWith(Database::Open({.address = directory.path("file")}),
                        ErrorCode::kCorrupt));
  EXPECT_TRUE(FailsWith(Database::Open({.address = directory.path("no/file")}),
                        ErrorCode::kNotFound));
  EXPECT_TRUE(FailsWith(
      Database::Open({.address = "postgresql://me:pw@/x?host=/nonexistent"}),
      ErrorCode::kUnavailable, "postgresql://me@/x: connect"));
}

TEST(StoreConnectionTest, APasswordIsNotShown) {
  EXPECT_EQ(ShownAddress("postgresql://me:p:w@host/db"),
            "postgresql://me@host/db");
  EXPECT_EQ(ShownAddress("postgresql://host:5432/db?password=x"),
            "postgresql://host:5432/db");
  EXPECT_EQ(ShownAddress("/var/lib/strake/tasks.db"),
            "/var/lib/strake/tasks.db");
}

}  // namespace
}  // namespace strake::tasks::store
