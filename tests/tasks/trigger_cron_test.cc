#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "tasks/gotmpl/civil.h"
#include "tasks/trigger/cron.h"
#include "tasks/trigger/schedule.h"
#include "tests/support/expect_result.h"
#include "util/strings.h"

namespace strake::tasks::trigger {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;
using testing::FailsWith;
using testing::IsOk;

// "2026-11-23 03:20", in UTC.
sys_seconds At(std::string_view text) {
  auto number = [&](size_t from, size_t count) {
    return ParseInt(text.substr(from, count)).value_or(-1);
  };
  int64_t days =
      gotmpl::DaysFromCivil(number(0, 4), number(5, 2), number(8, 2));
  return sys_seconds(
      seconds(days * 86400 + number(11, 2) * 3600 + number(14, 2) * 60));
}

std::string Show(sys_seconds time) {
  int64_t total = time.time_since_epoch().count();
  auto date = gotmpl::CivilFromDays(gotmpl::FloorDivide(total, 86400));
  int64_t rest = gotmpl::FloorModulo(total, 86400);
  char text[64];
  std::snprintf(text, sizeof(text), "%04lld-%02d-%02d %02d:%02d",
                static_cast<long long>(date.year), date.month, date.day,
                static_cast<int>(rest / 3600),
                static_cast<int>(rest / 60 % 60));
  return text;
}

gotmpl::TimeZonePtr Zone(std::string_view name) {
  auto zone = FindTimeZone(name);
  EXPECT_TRUE(IsOk(zone));
  return zone ? *zone : gotmpl::UtcZone();
}

struct Vector {
  const char* name;
  const char* cron;
  const char* zone;
  const char* after;
  std::vector<const char*> next;  // in UTC
};

class CronVectorTest : public ::testing::TestWithParam<Vector> {};

TEST_P(CronVectorTest, GivesTheNextTimes) {
  auto cron = Cron::Parse(GetParam().cron);
  ASSERT_TRUE(IsOk(cron));
  auto zone = Zone(GetParam().zone);
  sys_seconds time = At(GetParam().after);
  for (const char* expected : GetParam().next) {
    time = cron->Next(time, *zone);
    EXPECT_EQ(Show(time), expected);
  }
}

const Vector kVectors[] = {
    {"Noon",
     "0 12 * * Mon-Fri",
     "",
     "2026-11-20 12:00",
     {"2026-11-23 12:00", "2026-11-24 12:00"}},
    {"FiveMinutes",
     "*/5 * * * *",
     "",
     "2026-12-31 23:54",
     {"2026-12-31 23:55", "2027-01-01 00:00", "2027-01-01 00:05"}},
    {"TwoHours", "0 */2 * * *", "", "2026-11-23 03:20", {"2026-11-23 04:00"}},
    {"OfficeHours",
     "0 9-17 * * *",
     "",
     "2026-11-23 17:00",
     {"2026-11-24 09:00", "2026-11-24 10:00"}},
    {"JanuaryMondays",
     "30 9 * Jan Mon",
     "",
     "2026-02-01 00:00",
     {"2027-01-04 09:30", "2027-01-11 09:30"}},
    {"List",
     "20,30,40 * * * *",
     "",
     "2026-11-23 03:25",
     {"2026-11-23 03:30", "2026-11-23 03:40", "2026-11-23 04:20"}},
    {"Sundays", "0 1 * * Sun", "", "2026-11-23 00:00", {"2026-11-29 01:00"}},
    {"AnyCase",
     "0 1 * jAN-mAR sUN,1",
     "",
     "2026-11-23 00:00",
     {"2027-01-03 01:00", "2027-01-04 01:00"}},
    {"RangeWithStep",
     "10-50/20 4 * * *",
     "",
     "2026-11-23 00:00",
     {"2026-11-23 04:10", "2026-11-23 04:30", "2026-11-23 04:50",
      "2026-11-24 04:10"}},
    // Both day fields, as NCrontab and unlike Vixie's cron.
    {"FridayThe13th",
     "0 0 13 * Fri",
     "",
     "2026-01-01 00:00",
     {"2026-02-13 00:00", "2026-03-13 00:00", "2026-11-13 00:00",
      "2027-08-13 00:00"}},
    {"SecondMonday",
     "0 0 8-14 * Mon",
     "",
     "2026-11-01 00:00",
     {"2026-11-09 00:00", "2026-12-14 00:00"}},
    {"Only31",
     "0 0 31 * *",
     "",
     "2026-01-31 00:00",
     {"2026-03-31 00:00", "2026-05-31 00:00", "2026-07-31 00:00"}},
    {"LeapDay",
     "0 0 29 2 *",
     "",
     "2096-02-29 00:00",
     {"2104-02-29 00:00", "2108-02-29 00:00"}},
    {"LeapDayOf2000",
     "0 0 29 2 *",
     "",
     "1999-03-01 00:00",
     {"2000-02-29 00:00"}},
    {"LeapSundayAcross2100",
     "0 0 29 2 Sun",
     "",
     "2080-03-01 00:00",
     {"2088-02-29 00:00", "2128-02-29 00:00"}},
    {"FarYear", "59 23 31 12 *", "", "9998-12-31 23:59", {"9999-12-31 23:59"}},
    {"Before1970",
     "0 0 * * *",
     "",
     "1969-12-30 12:00",
     {"1969-12-31 00:00", "1970-01-01 00:00"}},
    {"BerlinWinter",
     "0 9 * * *",
     "Europe/Berlin",
     "2026-11-23 09:00",
     {"2026-11-24 08:00"}},
    {"BerlinSummer",
     "0 9 * * *",
     "Europe/Berlin",
     "2026-06-23 09:00",
     {"2026-06-24 07:00"}},
    // 02:00 to 03:00 does not exist on 2026-03-29: it runs at 03:00, 01:00Z.
    {"SkippedTime",
     "30 2 * * *",
     "Europe/Berlin",
     "2026-03-28 00:00",
     {"2026-03-28 01:30", "2026-03-29 01:00", "2026-03-30 00:30"}},
    {"SkippedTimesRunOnce",
     "*/20 2-3 * * *",
     "Europe/Berlin",
     "2026-03-28 23:00",
     {"2026-03-29 01:00", "2026-03-29 01:20", "2026-03-29 01:40",
      "2026-03-30 00:00"}},
    // 02:00 to 03:00 comes twice on 2026-10-25, from 00:00Z and from 01:00Z.
    {"RepeatedTime",
     "30 2 * * *",
     "Europe/Berlin",
     "2026-10-24 12:00",
     {"2026-10-25 00:30", "2026-10-26 01:30"}},
    {"FromWithinTheSecondHour",
     "*/15 * * * *",
     "Europe/Berlin",
     "2026-10-25 01:05",
     {"2026-10-25 02:00", "2026-10-25 02:15"}},
    {"NewYorkAfterTheTable",
     "30 2 * * *",
     "America/New_York",
     "2045-03-11 12:00",
     {"2045-03-12 07:00", "2045-03-13 06:30"}},
    {"HalfAnHourOfLordHowe",
     "15 2 * * *",
     "Australia/Lord_Howe",
     "2026-10-02 20:00",
     {"2026-10-03 15:30", "2026-10-04 15:15"}},
    {"ADayThatSamoaSkipped",
     "0 12 * * *",
     "Pacific/Apia",
     "2011-12-29 00:00",
     {"2011-12-29 22:00", "2011-12-30 10:00", "2011-12-30 22:00"}},
    {"Kolkata",
     "0 0 * * *",
     "Asia/Kolkata",
     "2026-01-01 00:00",
     {"2026-01-01 18:30"}},
};

INSTANTIATE_TEST_SUITE_P(Cron, CronVectorTest, ::testing::ValuesIn(kVectors),
                         [](const auto& info) {
                           return std::string(info.param.name);
                         });

struct Refusal {
  const char* cron;
  const char* says;
};

TEST(CronTest, RefusesWhatOtherCronsKnow) {
  const Refusal kRefusals[] = {
      {"@daily", "write 0 0 * * *"},
      {"@HOURLY", "write 0 * * * *"},
      {"@reboot", "names with @ are not known"},
      {"", "it has 0 fields"},
      {"* * * *", "it has 4 fields"},
      {"0 * * * * *", "without seconds or a year"},
      {"0 0 ? * Mon", "write * in place of ?"},
      {"0 0 L * *", "L is not known"},
      {"0 0 * * 5L", "L is not known"},
      {"0 0 15W * *", "W is not known"},
      {"0 0 * * Mon#2", "8-14 as day of month"},
      {"0 0 * * 7", "Sunday is 0"},
      {"0 0 * * 5-7", "Sunday is 0"},
      {"60 * * * *", "not within 0-59"},
      {"* 24 * * *", "not within 0-23"},
      {"* * 0 * *", "not within 1-31"},
      {"* * 32 * *", "not within 1-31"},
      {"* * * 13 *", "not within 1-12 or Jan-Dec"},
      {"* * * * Monday", "is no value"},
      {"* * Mon * *", "the day of month"},
      {"*/0 * * * *", "the step"},
      {"*/90 * * * *", "the step"},
      {"*/ * * * *", "the step"},
      {"5/10 * * * *", "write 5-59/10"},
      {"* * * * Fri-Mon", "write the two parts as a list, 5-6,0-1"},
      {"1,,2 * * * *", "nothing stands"},
      {"-5 * * * *", "is no value"},
      {"+5 * * * *", "is no value"},
      {"99999999999999999999 * * * *", "is no value"},
      {"1-2-3 * * * *", "is no value"},
      {"** * * * *", "is no value"},
      {"0 0 31 2 *", "it would never run"},
      {"0 0 30,31 Feb Mon", "it would never run"},
      {"0 0 31 4,6,9,11 *", "it would never run"},
  };
  for (const Refusal& refusal : kRefusals) {
    EXPECT_TRUE(FailsWith(Cron::Parse(refusal.cron),
                          ErrorCode::kInvalidArgument, refusal.says))
        << refusal.cron;
  }
}

TEST(CronTest, KeepsItsTextWithSingleBlanks) {
  auto cron = Cron::Parse(" 0  12\t* * Mon-Fri ");
  ASSERT_TRUE(IsOk(cron));
  EXPECT_EQ(cron->text(), "0 12 * * Mon-Fri");
}

TEST(CronTest, FindsWhatWasMissed) {
  auto cron = Cron::Parse("*/15 * * * *");
  ASSERT_TRUE(IsOk(cron));
  auto utc = Zone("UTC");
  sys_seconds from = At("2026-11-23 03:15");
  EXPECT_TRUE(cron->Between(from, from, *utc, 9).empty());
  auto due = cron->Between(from, At("2026-11-23 04:00"), *utc, 9);
  ASSERT_EQ(due.size(), 3u);
  EXPECT_EQ(Show(due.front()), "2026-11-23 03:30");
  EXPECT_EQ(Show(due.back()), "2026-11-23 04:00");
  EXPECT_EQ(cron->Between(from, At("2027-11-23 04:00"), *utc, 9).size(), 9u);
  EXPECT_FALSE(cron->Last(from, At("2026-11-23 03:29"), *utc).has_value());
  EXPECT_EQ(Show(*cron->Last(from, At("2036-11-23 03:29"), *utc)),
            "2036-11-23 03:15");
}

// What the header says, minute by minute: a moment is due if the clock shows a
// matching time there that no moment before showed, or has just skipped one.
std::vector<sys_seconds> SlowOccurrences(const std::vector<std::string>& sets,
                                         sys_seconds after, sys_seconds until,
                                         const gotmpl::TimeZone& zone) {
  auto matches = [&](int64_t local) {
    int64_t days = gotmpl::FloorDivide(local, 86400);
    auto date = gotmpl::CivilFromDays(days);
    auto minute = static_cast<int>(gotmpl::FloorModulo(local, 86400) / 60);
    const int values[] = {minute % 60, minute / 60, date.day, date.month,
                          gotmpl::WeekDay(days)};
    for (size_t i = 0; i < 5; ++i) {
      if (sets[i][static_cast<size_t>(values[i])] == '0') return false;
    }
    return true;
  };
  std::vector<sys_seconds> due;
  // The latest that the clock has shown; it starts two days early.
  int64_t start = after.time_since_epoch().count() - 2 * 86400;
  int64_t shown = ToLocal(start, zone);
  for (int64_t now = start + 60; now <= until.time_since_epoch().count();
       now += 60) {
    bool hit = false;
    for (; shown < ToLocal(now, zone); shown += 60) {
      hit = hit || matches(shown + 60);
    }
    sys_seconds moment{seconds(now)};
    if (hit && moment > after) due.push_back(moment);
  }
  return due;
}

struct RandomField {
  std::string text;
  std::string set;  // '1' at the index of each value
};

RandomField MakeField(int lowest, int highest, std::mt19937& random) {
  auto pick = [&](int from, int to) {
    return std::uniform_int_distribution<int>(from, to)(random);
  };
  RandomField field{"", std::string(64, '0')};
  for (int parts = pick(1, 3); parts > 0; --parts) {
    int first = lowest;
    int last = highest;
    int step = pick(1, 3) == 1 ? pick(1, highest - lowest) : 1;
    std::string text = "*";
    if (pick(1, 3) != 1) {
      first = pick(lowest, highest);
      last = pick(first, highest);
      text = std::to_string(first) + "-" + std::to_string(last);
    }
    if (step > 1) text += "/" + std::to_string(step);
    if (first == last && pick(0, 1) == 0) text = std::to_string(first);
    field.text += (field.text.empty() ? "" : ",") + text;
    for (int value = first; value <= last; value += step) {
      field.set[static_cast<size_t>(value)] = '1';
    }
  }
  return field;
}

TEST(CronTest, AgreesWithALookAtEveryMinute) {
  const char* const kZones[] = {"UTC", "Europe/Berlin", "Australia/Lord_Howe",
                                "America/St_Johns", "Pacific/Apia"};
  const char* const kStarts[] = {"2026-03-27 12:00", "2026-10-24 03:00",
                                 "2026-10-02 20:00", "2026-03-07 03:00",
                                 "2011-12-28 20:00", "2028-02-28 00:00"};
  std::mt19937 random(7);
  int compared = 0;
  for (int round = 0; round < 400; ++round) {
    std::vector<std::string> texts;
    std::vector<std::string> sets;
    for (auto [low, high] :
         {std::pair(0, 59), {0, 23}, {1, 31}, {1, 12}, {0, 6}}) {
      RandomField field = MakeField(low, high, random);
      texts.push_back(field.text);
      sets.push_back(field.set);
    }
    auto cron = Cron::Parse(Join(texts, " "));
    if (!cron) continue;  // a day that no month has
    auto zone = Zone(kZones[random() % std::size(kZones)]);
    sys_seconds after = At(kStarts[random() % std::size(kStarts)]);
    sys_seconds until = after + std::chrono::hours(80);
    auto expected = SlowOccurrences(sets, after, until, *zone);
    ASSERT_EQ(cron->Between(after, until, *zone, 100000), expected)
        << cron->text();
    auto last = cron->Last(after, until, *zone);
    ASSERT_EQ(last.has_value(), !expected.empty()) << cron->text();
    if (last) {
      ASSERT_EQ(*last, expected.back()) << cron->text();
    }
    compared += expected.empty() ? 0 : 1;
  }
  EXPECT_GT(compared, 100);
}

TEST(TimeZoneNameTest, RefusesWhatIsNoZone) {
  for (const char* name : {"Europe/Nowhere", "../../etc/passwd", "/etc/passwd",
                           "zone.tab", "Europe", "CET-1CEST"}) {
    EXPECT_TRUE(FailsWith(FindTimeZone(name), ErrorCode::kInvalidArgument,
                          "write a name like Europe/Berlin"))
        << name;
  }
}

TEST(ScheduleTest, NamesTimersByTheirPlace) {
  auto schedules =
      ParseSchedules({"0 1 * * *", "nightly: 0 2 * * *", "0 3 * * *"});
  ASSERT_TRUE(IsOk(schedules));
  ASSERT_EQ(schedules->size(), 3u);
  EXPECT_EQ((*schedules)[0].name, "t1");
  EXPECT_EQ((*schedules)[1].name, "nightly");
  EXPECT_EQ((*schedules)[1].cron.text(), "0 2 * * *");
  EXPECT_EQ((*schedules)[2].name, "t3");
}

TEST(ScheduleTest, RefusesWhatCannotBeToldApart) {
  auto refuses = [](const std::vector<std::string>& texts,
                    std::string_view says) {
    EXPECT_TRUE(
        FailsWith(ParseSchedules(texts), ErrorCode::kInvalidArgument, says));
  };
  refuses({"a:0 1 * * *", "a:0 2 * * *"}, "two timers are called \"a\"");
  refuses({"t2:0 1 * * *", "0 2 * * *"}, "two timers are called \"t2\"");
  refuses({"0 0 * * Sun", "b:0 0 1-31 * 0"}, "the same times");
  refuses({":0 1 * * *"}, "the timer name \"\"");
  refuses({"a b:0 1 * * *"}, "the timer name \"a b\"");
  refuses({"a:0 1 * *"}, "it has 4 fields");
}

}  // namespace
}  // namespace strake::tasks::trigger
