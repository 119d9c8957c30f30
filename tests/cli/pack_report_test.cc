#include "cli/pack_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cli/pack_chart.h"

namespace strake::cli {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

builder::PackResult Result(oci::Compression algorithm, int level,
                           int milliseconds, uint64_t size_bytes) {
  builder::PackResult result;
  result.form.compression = {algorithm, level, 2};
  result.packed.wall = std::chrono::milliseconds(milliseconds);
  result.packed.cpu = std::chrono::milliseconds(2 * milliseconds);
  result.packed.layer.uncompressed_bytes = 10'000'000;
  result.packed.layer.descriptor.size_bytes = size_bytes;
  result.packed.stages = {
      {"tar"}, {"diff ID"}, {"compress"}, {"digest"}, {"write"}};
  result.wall_seconds = {milliseconds / 1000.0};
  result.peak_memory_bytes = 20'000'000;
  return result;
}

PackReport Sample() {
  PackReport report{"a<b", "folder", 9'000'000, {}};
  report.results = {Result(oci::Compression::kGzip, 1, 100, 4'000'000),
                    Result(oci::Compression::kGzip, 6, 500, 3'500'000),
                    Result(oci::Compression::kZstd, 3, 200, 3'400'000)};
  builder::MarkParetoFront(report.results);
  return report;
}

TEST(PackReportTest, FindsTheParetoFront) {
  PackReport report = Sample();
  EXPECT_TRUE(report.results[0].on_front);
  EXPECT_FALSE(report.results[1].on_front);  // zstd 3 is faster and smaller
  EXPECT_TRUE(report.results[2].on_front);
}

TEST(PackReportTest, KeepsResultsThatAreEqualOnTheFront) {
  PackReport report = Sample();
  report.results.push_back(report.results[0]);
  builder::MarkParetoFront(report.results);
  EXPECT_TRUE(report.results[0].on_front);
  EXPECT_TRUE(report.results[3].on_front);
}

TEST(PackReportTest, WritesJson) {
  json document = json::parse(PackJson(Sample()));
  EXPECT_EQ(document["input_bytes"], 9'000'000);
  ASSERT_EQ(document["results"].size(), 3u);
  const json& first = document["results"][0];
  EXPECT_EQ(first["compression"], "gzip");
  EXPECT_EQ(first["level"], 1);
  EXPECT_EQ(first["blob_bytes"], 4'000'000);
  EXPECT_DOUBLE_EQ(first["ratio"].get<double>(), 0.4);
  EXPECT_DOUBLE_EQ(first["megabytes_per_second"].get<double>(), 100);
  EXPECT_EQ(first["stages"].size(), 5u);
}

TEST(PackReportTest, LeavesOutOfJsonWhatIsNotKnown) {
  PackReport report = Sample();
  report.results[0].form.compression.level = -1;
  report.results[0].peak_memory_bytes = 0;
  json first = json::parse(PackJson(report))["results"][0];
  EXPECT_FALSE(first.contains("level"));
  EXPECT_FALSE(first.contains("peak_memory_bytes"));
}

TEST(PackReportTest, GivesEveryLineOfCsvAsManyCells) {
  std::string text = PackCsv(Sample());
  std::vector<long> commas;
  size_t begin = 0;
  while (begin < text.size()) {
    size_t end = text.find('\n', begin);
    std::string line = text.substr(begin, end - begin);
    commas.push_back(std::count(line.begin(), line.end(), ','));
    begin = end + 1;
  }
  EXPECT_THAT(commas, ::testing::ElementsAre(16, 16, 16, 16));
}

TEST(PackReportTest, TellsStagesOfASingleResultOnly) {
  PackReport report = Sample();
  EXPECT_THAT(PackTable(report), Not(HasSubstr("STAGE")));
  report.results.resize(1);
  EXPECT_THAT(PackTable(report), HasSubstr("STAGE"));
}

TEST(PackChartTest, DrawsAPointForEachResultAndEscapesNames) {
  std::string svg = PackChart(Sample());
  size_t points = 0;
  for (size_t at = 0; (at = svg.find("<circle", at)) != std::string::npos;
       ++at) {
    ++points;
  }
  EXPECT_EQ(points, 3u);
  EXPECT_THAT(svg, HasSubstr("a&lt;b"));
  EXPECT_THAT(svg, HasSubstr("<polyline"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(PackChartTest, DrawsASingleResult) {
  PackReport report = Sample();
  report.results.resize(1);
  EXPECT_THAT(PackChart(report), Not(HasSubstr("nan")));
}

TEST(PackChartTest, DrawsResultsOfNoTimeAndNoSize) {
  PackReport report = Sample();
  for (builder::PackResult& result : report.results) {
    result.packed.wall = {};
    result.packed.layer.descriptor.size_bytes = 0;
  }
  std::string svg = PackChart(report);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

}  // namespace
}  // namespace strake::cli
