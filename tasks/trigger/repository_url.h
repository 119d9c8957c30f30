// Which repository an address means, however it is written.

#ifndef STRAKE_TASKS_TRIGGER_REPOSITORY_URL_H_
#define STRAKE_TASKS_TRIGGER_REPOSITORY_URL_H_

#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::tasks::trigger {

// "host/path" of the repository that `url` names: the same for its https, ssh,
// git and user@host:path forms, with and without user, ".git", a "#ref:folder"
// or a "?query". Lower case, as the hosts compare names; a port stays where it
// is not the scheme's own. Azure DevOps' old and ssh addresses become those at
// dev.azure.com. `kInvalidArgument` where `url` is none.
Result<std::string> CanonicalRepository(std::string_view url);

}  // namespace strake::tasks::trigger

#endif  // STRAKE_TASKS_TRIGGER_REPOSITORY_URL_H_
