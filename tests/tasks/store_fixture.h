// Tests of what a server of tasks remembers, each with both databases.

#ifndef STRAKE_TESTS_TASKS_STORE_FIXTURE_H_
#define STRAKE_TESTS_TASKS_STORE_FIXTURE_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>

#include "tasks/store/database.h"
#include "tasks/store/secret_box.h"
#include "tests/support/expect_result.h"
#include "tests/support/manual_clock.h"
#include "tests/support/postgres_server.h"
#include "tests/support/temp_dir.h"

namespace strake::tasks::store {

class StoreTest : public ::testing::TestWithParam<Dialect> {
 protected:
  void SetUp() override {
    if (GetParam() == Dialect::kPostgres && !testing::HavePostgres()) {
      GTEST_SKIP() << "PostgreSQL is not installed";
    }
    if (GetParam() == Dialect::kPostgres) {
      server_ = std::make_unique<testing::PostgresServer>();
      address_ = server_->NewDatabase("strake");
    } else {
      address_ = directory_.path("tasks.db");
    }
    auto secrets = SecretBox::Open(directory_.path("key"));
    ASSERT_TRUE(testing::IsOk(secrets));
    secrets_.emplace(*std::move(secrets));
    database_ = OpenAnother();
    ASSERT_NE(database_, nullptr);
  }
  void TearDown() override { database_.reset(); }

  // As another process has it.
  std::unique_ptr<Database> OpenAnother() {
    auto database =
        Database::Open({.address = address_, .clock = &clock_, .sync = false});
    EXPECT_TRUE(testing::IsOk(database));
    return database ? *std::move(database) : nullptr;
  }

  testing::TempDir directory_;
  testing::ManualClock clock_;
  std::unique_ptr<testing::PostgresServer> server_;
  std::string address_;
  std::optional<SecretBox> secrets_;
  std::unique_ptr<Database> database_;
};

inline std::string DialectName(const ::testing::TestParamInfo<Dialect>& info) {
  return info.param == Dialect::kSqlite ? "Sqlite" : "Postgres";
}

#define STRAKE_WITH_BOTH_DATABASES(Suite) \
  INSTANTIATE_TEST_SUITE_P(               \
      Databases, Suite,                   \
      ::testing::Values(Dialect::kSqlite, Dialect::kPostgres), DialectName)

}  // namespace strake::tasks::store

#endif  // STRAKE_TESTS_TASKS_STORE_FIXTURE_H_
