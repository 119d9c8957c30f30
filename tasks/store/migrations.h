// The schema, as the numbered steps that lead to it.

#ifndef STRAKE_TASKS_STORE_MIGRATIONS_H_
#define STRAKE_TASKS_STORE_MIGRATIONS_H_

#include "tasks/store/connection.h"
#include "util/result.h"

namespace strake::tasks::store {

// Takes the steps that this database has not had. Within a transaction; of
// several processes, one takes them and the others wait for it.
// Errors: `kUnsupported` where the database has had steps that we know nothing
// of.
Status Migrate(Connection& connection);

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_MIGRATIONS_H_
