// Times as the database has them: milliseconds since 1970.

#ifndef STRAKE_TASKS_STORE_TIME_H_
#define STRAKE_TASKS_STORE_TIME_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "tasks/run/run_record.h"

namespace strake::tasks::store {

inline int64_t ToMillis(run::Time time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             time.time_since_epoch())
      .count();
}
inline run::Time FromMillis(int64_t millis) {
  return run::Time(std::chrono::milliseconds(millis));
}
// 0 is none.
inline std::optional<run::Time> OptionalTime(int64_t millis) {
  if (millis == 0) return std::nullopt;
  return FromMillis(millis);
}

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_TIME_H_
