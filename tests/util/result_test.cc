#include "util/result.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>

#include "util/result_macros.h"

namespace strake {
namespace {

Result<int> Half(int number) {
  if (number % 2 != 0) return InvalidArgument("odd");
  return number / 2;
}

Result<std::string> QuarterAsText(int number) {
  ASSIGN_OR_RETURN(int half, Half(number));
  ASSIGN_OR_RETURN(int quarter, Half(half));
  RETURN_IF_ERROR(Half(quarter * 2));
  return std::to_string(quarter);
}

TEST(ResultTest, HoldsAValueOrAnError) {
  EXPECT_TRUE(Half(4));
  EXPECT_EQ(2, *Half(4));
  EXPECT_EQ(2, Half(4).value_or(7));
  EXPECT_EQ(7, Half(3).value_or(7));
  EXPECT_EQ("odd", Half(3).error().message());
}

TEST(ResultTest, MacrosReturnTheFirstError) {
  EXPECT_EQ("2", *QuarterAsText(8));
  EXPECT_EQ(ErrorCode::kInvalidArgument, QuarterAsText(6).error().code());
}

TEST(ResultTest, CarriesWhatCanOnlyBeMoved) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(5, *value);
}

TEST(ResultTest, StatusIsSuccessByDefault) {
  Status ok;
  EXPECT_TRUE(ok);
  Status failed = NotFound("gone");
  EXPECT_FALSE(failed);
  EXPECT_EQ(ErrorCode::kNotFound, failed.error().code());
}

TEST(ErrorTest, WrapsWithWhatTheCallerKnows) {
  Error error = Corrupt("bad magic").Wrap("layer 3").Wrap("image x");
  EXPECT_EQ("image x: layer 3: bad magic", error.message());
  EXPECT_EQ(ErrorCode::kCorrupt, error.code());
}

TEST(ErrorTest, NamesTheErrno) {
  Error missing = ErrnoError("open x", ENOENT);
  EXPECT_EQ(ErrorCode::kNotFound, missing.code());
  EXPECT_EQ("open x: No such file or directory", missing.message());
  errno = EACCES;
  Error denied = ErrnoError("open y");
  EXPECT_EQ(ErrorCode::kIo, denied.code());
  EXPECT_EQ("open y: Permission denied", denied.message());
}

TEST(ErrorTest, CodesHaveNames) {
  EXPECT_EQ("not_found", ErrorCodeName(ErrorCode::kNotFound));
  EXPECT_EQ("command_failed", ErrorCodeName(ErrorCode::kCommandFailed));
}

}  // namespace
}  // namespace strake
