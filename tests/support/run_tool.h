// Runs another program of this machine, to see our files with its eyes.

#ifndef STRAKE_TESTS_SUPPORT_RUN_TOOL_H_
#define STRAKE_TESTS_SUPPORT_RUN_TOOL_H_

#include <gtest/gtest.h>

#include <string>

#include "util/subprocess.h"

namespace strake::testing {

inline bool HaveTool(const std::string& program) {
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", "command -v " + program};
  auto result = RunSubprocess(options);
  return result && result->exit_status == 0;
}

// What `script` (for /bin/sh) prints; a failure of it is a test failure.
inline std::string Sh(const std::string& script) {
  SubprocessOptions options;
  options.argv = {"/bin/sh", "-c", "set -e\n" + script};
  auto result = RunSubprocess(options);
  if (!result) {
    ADD_FAILURE() << script << ": " << result.error().message();
    return "";
  }
  EXPECT_EQ(0, result->exit_status)
      << script << "\n"
      << result->stdout_text << result->stderr_text;
  return result->stdout_text;
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_RUN_TOOL_H_
