#include "registry/retry.h"

#include <gtest/gtest.h>

#include <thread>

namespace strake::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(RetryTest, RetriesWhatMayMend) {
  for (int status : {408, 429, 500, 502, 503, 504}) {
    EXPECT_TRUE(IsRetryableStatus(status)) << status;
  }
  for (int status : {200, 202, 301, 400, 401, 403, 404, 413, 416, 501, 505}) {
    EXPECT_FALSE(IsRetryableStatus(status)) << status;
  }
}

TEST(RetryTest, DoublesThePauseUpToALimitAndVariesIt) {
  RetryPolicy policy;
  policy.initial_delay = milliseconds(100);
  policy.max_delay = milliseconds(1000);
  bool varied = false;
  for (int i = 0; i < 50; ++i) {
    milliseconds first = BackoffDelay(policy, 1);
    EXPECT_GE(first, milliseconds(50));
    EXPECT_LE(first, milliseconds(100));
    EXPECT_GE(BackoffDelay(policy, 3), milliseconds(200));
    EXPECT_LE(BackoffDelay(policy, 3), milliseconds(400));
    EXPECT_LE(BackoffDelay(policy, 60), milliseconds(1000));
    varied |= BackoffDelay(policy, 60) != BackoffDelay(policy, 60);
  }
  EXPECT_TRUE(varied);
}

TEST(RetryTest, ReadsRetryAfterInBothForms) {
  auto now = std::chrono::system_clock::from_time_t(784111777);
  EXPECT_EQ(ParseRetryAfter("120", now), seconds(120));
  EXPECT_EQ(ParseRetryAfter(" 0 ", now), seconds(0));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:49:47 GMT", now), seconds(10));
  EXPECT_EQ(ParseRetryAfter("Sun, 06 Nov 1994 08:00:00 GMT", now), seconds(0));
  EXPECT_FALSE(ParseRetryAfter("", now));
  EXPECT_FALSE(ParseRetryAfter("-1", now));
  EXPECT_FALSE(ParseRetryAfter("soon", now));
}

TEST(RetryTest, GivesUpAfterTheLimitUnlessThereIsProgress) {
  RetryPolicy policy;
  policy.max_retries = 2;
  policy.initial_delay = milliseconds(1);
  Retries retries(policy, nullptr, {});
  EXPECT_TRUE(retries.WaitForNext());
  EXPECT_TRUE(retries.WaitForNext());
  EXPECT_FALSE(retries.WaitForNext());
  retries.Restart();
  EXPECT_TRUE(retries.WaitForNext());
}

TEST(RetryTest, SharesABudgetThatOnlyProgressRefills) {
  RetryPolicy policy;
  policy.max_retries = 2;
  policy.initial_delay = milliseconds(1);
  RetryBudget budget(3);
  Retries first(policy, &budget, {}), second(policy, &budget, {});
  EXPECT_TRUE(first.WaitForNext());
  EXPECT_TRUE(first.WaitForNext());
  EXPECT_FALSE(first.WaitForNext());
  EXPECT_EQ(first.Note(), "");  // its own tries are used up, not the budget
  EXPECT_TRUE(second.WaitForNext());
  EXPECT_FALSE(second.WaitForNext());
  EXPECT_EQ(second.Note(),
            " (no further try: the 3 of all transfers together are used up)");
  first.Restart();
  EXPECT_TRUE(second.WaitForNext());
}

TEST(RetryTest, DoesNotWaitLongerThanAllowed) {
  RetryPolicy policy;
  policy.max_retry_after = seconds(5);
  EXPECT_FALSE(Retries(policy, nullptr, {}).WaitForNext(seconds(6)));
}

TEST(RetryTest, StopsWaitingWhenAsked) {
  RetryPolicy policy;
  policy.initial_delay = seconds(100);
  policy.max_delay = seconds(100);
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  EXPECT_FALSE(Retries(policy, nullptr, stop.get_token()).WaitForNext());
}

}  // namespace
}  // namespace strake::registry
