// Debian's PostgreSQL with a cluster of its own in a temporary folder, reached
// by a socket there and by nothing else.

#ifndef STRAKE_TESTS_SUPPORT_POSTGRES_SERVER_H_
#define STRAKE_TESTS_SUPPORT_POSTGRES_SERVER_H_

#include <sys/types.h>

#include <string>

#include "tests/support/temp_dir.h"

namespace strake::testing {

// Whether it is installed.
bool HavePostgres();

// Started in the constructor, as the user "postgres" where we are root, which
// it refuses to run as; stopped and removed with its owner, and ended with this
// process at the latest. It does not sync: what is written need not outlive it.
class PostgresServer {
 public:
  PostgresServer();
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer();

  // "postgresql://..." of an empty database of that name.
  std::string NewDatabase(const std::string& name);
  // What pg_dump prints of it.
  std::string Dump(const std::string& name) const;
  // Where all of its files are.
  const std::string& folder() const { return directory_.path(); }

 private:
  void Start();
  std::string Url(const std::string& database) const;

  TempDir directory_;
  pid_t pid_ = -1;
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_POSTGRES_SERVER_H_
