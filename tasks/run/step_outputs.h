// What a step tells later ones (strake/v1): lines in the file $STRAKE_OUTPUT.
//
//   key=value
//   key<<END
//   several
//   lines
//   END

#ifndef STRAKE_TASKS_RUN_STEP_OUTPUTS_H_
#define STRAKE_TASKS_RUN_STEP_OUTPUTS_H_

#include <map>
#include <string>
#include <string_view>

#include "util/result.h"

namespace strake::tasks::run {

// The last value of a key counts. `kInvalidArgument`: "line N: ..." for a line
// that is none of these, a key that is no word (letters, digits, "_", "-"), an
// end that is missing.
Result<std::map<std::string, std::string>> ParseOutputs(std::string_view text);

}  // namespace strake::tasks::run

#endif  // STRAKE_TASKS_RUN_STEP_OUTPUTS_H_
