// Vectors of sprig's functions; see sprig_vectors.h.

#include "tests/tasks/sprig_vectors.h"

namespace strake::tasks::file {

const std::vector<SprigVector>& DateVectors() {
  static const std::vector<SprigVector> vectors = {
      {"now", R"t({{kindOf now}} {{typeOf now}})t", "struct time.Time"},
      {"now",
       R"t({{now | date "2006" | len}} {{gt (now | unixEpoch | int64) 1600000000}})t",
       "4 true"},
      {"date", R"t({{date "Monday, 02-Jan-06 15:04:05 MST" 1600000000}})t",
       "Sunday, 13-Sep-20 12:26:40 UTC"},
      {"date",
       R"t({{date "2006-01-02T15:04:05.000Z07:00 PM 3 _2 002 __2 Janet" 1600000000}})t",
       "2020-09-13T12:26:40.000Z PM 12 13 257 257 Janet"},
      {"date", R"t({{toDate "2006-01-02" "2017-12-31" | date "02/01/2006"}})t",
       "31/12/2017"},
      {"dateInZone",
       R"t({{dateInZone "2006-01-02 15:04:05 MST -0700" 1600000000 "Europe/Berlin"}})t",
       "2020-09-13 14:26:40 CEST +0200"},
      {"dateInZone",
       R"t({{dateInZone "15:04 MST -07:00" 4102444800 "America/New_York"}} {{dateInZone "15:04 MST" 0 "No/Where"}})t",
       "19:00 EST -05:00 00:00 UTC"},
      {"date_in_zone", R"t({{date_in_zone "2006-01-02 15:04" 0 "UTC"}})t",
       "1970-01-01 00:00"},
      {"date_in_zone",
       R"t({{date_in_zone "15:04:05 MST" 4120000000 "Australia/Sydney"}})t",
       "14:26:40 AEST"},
      {"htmlDate", R"t({{htmlDate 1600000000}})t", "2020-09-13"},
      {"htmlDate", R"t({{htmlDate (toDate "2006-01-02" "2017-12-31")}})t",
       "2017-12-31"},
      {"htmlDateInZone", R"t({{htmlDateInZone 1600000000 "UTC"}})t",
       "2020-09-13"},
      {"htmlDateInZone", R"t({{htmlDateInZone 1600041600 "Asia/Tokyo"}})t",
       "2020-09-14"},
      {"dateModify",
       R"t({{toDate "2006-01-02" "2020-03-04" | dateModify "-1.5h"}})t",
       "2020-03-03 22:30:00 +0000 UTC"},
      {"dateModify",
       R"t({{toDate "2006-01-02" "2020-03-04" | dateModify "24h1ms"}} {{toDate "2006-01-02" "2020-03-04" | dateModify "bad"}})t",
       "2020-03-05 00:00:00.001 +0000 UTC 2020-03-04 00:00:00 +0000 UTC"},
      {"date_modify",
       R"t({{toDate "2006-01-02" "2020-03-04" | date_modify "1h30m"}})t",
       "2020-03-04 01:30:00 +0000 UTC"},
      {"date_modify",
       R"t({{(date_modify "-24h" (toDate "2006-01-02" "2020-03-01")).Day}})t",
       "29"},
      {"ago", R"t({{ago now}})t", "0s"},
      {"ago",
       R"t({{ago (now | dateModify "-1h30m")}} {{ago (now | dateModify "90s")}})t",
       "1h30m0s -1m30s"},
      {"toDate",
       R"t({{toDate "2006-01-02" "2017-12-31"}} {{toDate "2006-01-02" "x"}})t",
       "2017-12-31 00:00:00 +0000 UTC 0001-01-01 00:00:00 +0000 UTC"},
      {"toDate",
       R"t({{toDate "2006-01-02 15:04:05 -0700" "2020-03-04 05:06:07 +0300"}} {{toDate "Jan _2 2006 3:04PM" "Feb  9 2021 12:04AM"}})t",
       "2020-03-04 05:06:07 +0300 +0300 2021-02-09 00:04:00 +0000 UTC"},
      {"toDate",
       R"t({{toDate "Monday, January 2, 2006" "Saturday, February 29, 2020"}} {{toDate "2006 002" "2020 060"}} {{toDate "15:04:05" "07:08:09.5"}})t",
       "2020-02-29 00:00:00 +0000 UTC 2020-02-29 00:00:00 +0000 UTC 0000-01-01 "
       "07:08:09.5 +0000 UTC"},
      {"unixEpoch", R"t({{toDate "2006-01-02" "1970-01-02" | unixEpoch}})t",
       "86400"},
      {"unixEpoch", R"t({{unixEpoch (toDate "2006" "1969")}})t", "-31536000"},
  };
  return vectors;
}

}  // namespace strake::tasks::file
