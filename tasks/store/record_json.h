// The JSON of values that records share. For `.cc` files only.

#ifndef STRAKE_TASKS_STORE_RECORD_JSON_H_
#define STRAKE_TASKS_STORE_RECORD_JSON_H_

#include <string>

#include "tasks/run/run_record.h"
#include "tasks/store/run_cause.h"
#include "util/json.h"
#include "util/result.h"

namespace strake::tasks::store {

// {"registry", "repository", "tag", "digest"}
nlohmann::ordered_json ImageJson(const run::ImageName& image);
Result<run::ImageName> ReadImage(const JsonField& field);
// "linux/arm64/v8" as {"os", "architecture", "variant"}.
nlohmann::ordered_json PlatformJson(const std::string& platform);
// The object of `FormatCause`.
nlohmann::ordered_json CauseJson(const RunCause& cause);
// The time that `run::FormatTime` wrote.
Result<run::Time> TimeAt(const JsonField& field);

}  // namespace strake::tasks::store

#endif  // STRAKE_TASKS_STORE_RECORD_JSON_H_
