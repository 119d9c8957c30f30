#include "dockerfile/check_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dockerfile/lint.h"
#include "dockerfile/parser.h"
#include "util/json.h"

namespace strake::dockerfile {
namespace {

using testing::HasSubstr;
using testing::Not;

CheckedFile Check(const std::string& filename, const std::string& text) {
  ParseResult result = Parse(text);
  CheckedFile file{.filename = filename, .text = text, .found = {}};
  file.found = result.diagnostics;
  for (Diagnostic& finding : Lint(result.dockerfile, {})) {
    file.found.push_back(std::move(finding));
  }
  return file;
}

nlohmann::json Json(const std::string& text) {
  auto document = ParseJson(text);
  EXPECT_TRUE(document);
  return document ? *document : nlohmann::json();
}

TEST(FormatCheckReportTest, CountsWarnings) {
  CheckedFile one = Check("A", "FROM scratch AS X\n");
  EXPECT_THAT(FormatCheckReport(std::vector{one}),
              HasSubstr("Check complete, 1 warning has been found!\n"));
  EXPECT_THAT(FormatCheckReport(std::vector{one, one}),
              HasSubstr("Check complete, 2 warnings have been found!\n"));
  EXPECT_EQ(FormatCheckReport(std::vector{Check("A", "FROM scratch\n")}),
            "Check complete, no warnings found.\n");
}

TEST(FormatCheckReportTest, FailsOnErrors) {
  EXPECT_THAT(FormatCheckReport(std::vector{Check("A", "FROM a b\n")}),
              HasSubstr("Check failed: 1 error, 0 warnings\n"));
}

TEST(CheckReportJsonTest, HasTheShapeOfBuildx) {
  auto document =
      Json(CheckReportJson(Check("Dockerfile", "FROM scratch AS X\n")));
  ASSERT_EQ(document["warnings"].size(), 1u);
  const auto& warning = document["warnings"][0];
  EXPECT_EQ(warning["ruleName"], "StageNameCasing");
  EXPECT_EQ(warning["detail"], "Stage name 'X' should be lowercase");
  EXPECT_EQ(warning["description"], "Stage names should be lowercase");
  EXPECT_EQ(warning["url"],
            "https://docs.docker.com/go/dockerfile/rule/stage-name-casing/");
  EXPECT_EQ(warning["location"]["ranges"][0]["start"]["line"], 1);
  EXPECT_EQ(document["sources"][0]["filename"], "Dockerfile");
  EXPECT_EQ(document["sources"][0]["data"], "RlJPTSBzY3JhdGNoIEFTIFgK");
  EXPECT_FALSE(document.contains("buildError"));
}

TEST(CheckReportJsonTest, NamesTheFirstError) {
  auto document = Json(CheckReportJson(Check("f", "FROM scratch\nFOO\nBAR\n")));
  EXPECT_EQ(document["buildError"]["message"], "unknown instruction: FOO");
  EXPECT_EQ(document["buildError"]["location"]["ranges"][0]["start"]["line"],
            2);
  EXPECT_TRUE(document["warnings"].is_array());
}

TEST(SarifReportTest, PlacesResults) {
  auto document = Json(SarifReport(
      std::vector{Check("a b/Dockerfile", "FROM scratch\nENV ä=1 FOO\n")},
      "1.2"));
  EXPECT_EQ(document["version"], "2.1.0");
  const auto& run = document["runs"][0];
  EXPECT_EQ(run["tool"]["driver"]["version"], "1.2");
  ASSERT_EQ(run["results"].size(), 1u);
  const auto& result = run["results"][0];
  EXPECT_EQ(result["ruleId"], "ParseError");
  EXPECT_EQ(result["level"], "error");
  const auto& place = result["locations"][0]["physicalLocation"];
  EXPECT_EQ(place["artifactLocation"]["uri"], "a%20b/Dockerfile");
  // Columns count characters here, not bytes.
  EXPECT_EQ(place["region"]["startLine"], 2);
  EXPECT_EQ(place["region"]["startColumn"], 9);
  EXPECT_EQ(place["region"]["endColumn"], 12);
}

TEST(SarifReportTest, DescribesEveryRule) {
  auto document = Json(SarifReport({}, "1"));
  const auto& rules = document["runs"][0]["tool"]["driver"]["rules"];
  EXPECT_EQ(rules.size(), LintRules().size() + 2);
  for (const auto& rule : rules) {
    EXPECT_FALSE(rule["shortDescription"]["text"].get<std::string>().empty());
  }
  EXPECT_TRUE(document["runs"][0]["results"].empty());
}

TEST(SarifReportTest, LeavesOutUnknownPlaces) {
  std::string report = SarifReport(std::vector{Check("f", "")}, "1");
  EXPECT_THAT(report, HasSubstr("the Dockerfile cannot be empty"));
  EXPECT_THAT(report, Not(HasSubstr("region")));
}

}  // namespace
}  // namespace strake::dockerfile
