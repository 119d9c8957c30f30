#include "tasks/store/store.h"

#include "util/result_macros.h"

namespace strake::tasks::store {

Result<std::unique_ptr<Store>> Store::Open(const StoreOptions& options) {
  ASSIGN_OR_RETURN(SecretBox secrets, SecretBox::Open(options.key_file));
  ASSIGN_OR_RETURN(std::unique_ptr<Database> database,
                   Database::Open(options.database));
  return std::unique_ptr<Store>(
      new Store(std::move(database), std::move(secrets)));
}

}  // namespace strake::tasks::store
