// The ids of runs, as ACR spells them: a prefix and a counter in base 36.

#ifndef STRAKE_TASKS_RUN_RUN_ID_H_
#define STRAKE_TASKS_RUN_RUN_ID_H_

#include <cstdint>
#include <string>

namespace strake::tasks::run {

// 1 is "ca1", 36 is "ca10".
std::string RunId(uint64_t number);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_RUN_ID_H_
