// Matchers for `Result`.

#ifndef STRAKE_TESTS_SUPPORT_EXPECT_RESULT_H_
#define STRAKE_TESTS_SUPPORT_EXPECT_RESULT_H_

#include <gtest/gtest.h>

#include <string_view>

#include "util/result.h"

namespace strake::testing {

template <typename T>
::testing::AssertionResult IsOk(const Result<T>& result) {
  if (result) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << ErrorCodeName(result.error().code())
                                       << ": " << result.error().message();
}

// An error of `code` whose message contains `text`.
template <typename T>
::testing::AssertionResult FailsWith(const Result<T>& result, ErrorCode code,
                                     std::string_view text = "") {
  if (result) return ::testing::AssertionFailure() << "no error";
  const Error& error = result.error();
  if (error.code() != code || error.message().find(text) == std::string::npos) {
    return ::testing::AssertionFailure()
           << "expected " << ErrorCodeName(code) << " with \"" << text
           << "\", got " << ErrorCodeName(error.code()) << ": "
           << error.message();
  }
  return ::testing::AssertionSuccess();
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_EXPECT_RESULT_H_
