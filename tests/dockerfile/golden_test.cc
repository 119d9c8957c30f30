// Directories of input and expected output: testdata/dockerfile/<behaviour>
// for the parser, testdata/lint/<rule> for the checks, each holding Dockerfile
// and expected. STRAKE_UPDATE_GOLDEN=1 writes what is printed now; read the
// difference before committing it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "dockerfile/lint.h"
#include "dockerfile/parser.h"
#include "dockerfile/print.h"
#include "util/byte_stream.h"

namespace strake::dockerfile {
namespace {

namespace fs = std::filesystem;

const char kTestData[] = STRAKE_SOURCE_DIR "/tests/testdata/";

std::vector<std::string> ListCases(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(kTestData + folder)) {
    names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string CaseName(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !isalnum(c); }, '_');
  return name;
}

void Compare(const std::string& folder, const std::string& printed) {
  std::string path = folder + "/expected";
  if (std::getenv("STRAKE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << printed;
    return;
  }
  auto expected = ReadFile(path);
  ASSERT_TRUE(expected) << expected.error().message();
  EXPECT_EQ(printed, *expected);
}

class ParserGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(ParserGoldenTest, PrintsWhatIsExpected) {
  std::string folder = kTestData + ("dockerfile/" + GetParam());
  auto text = ReadFile(folder + "/Dockerfile");
  ASSERT_TRUE(text) << text.error().message();
  Compare(folder, Print(Parse(*text)));
}

INSTANTIATE_TEST_SUITE_P(All, ParserGoldenTest,
                         testing::ValuesIn(ListCases("dockerfile")), CaseName);

class LintGoldenTest : public testing::TestWithParam<std::string> {};

TEST_P(LintGoldenTest, PrintsWhatIsExpected) {
  std::string folder = kTestData + ("lint/" + GetParam());
  auto text = ReadFile(folder + "/Dockerfile");
  ASSERT_TRUE(text) << text.error().message();
  ParseResult result = Parse(*text);
  ASSERT_FALSE(HasErrors(result.diagnostics)) << Print(result.diagnostics);
  auto config = LintConfigFor(result.dockerfile, {});
  ASSERT_TRUE(config) << config.error().message();
  Compare(folder, Print(Lint(result.dockerfile, {.config = *config})) +
                      Print(result.diagnostics));
}

INSTANTIATE_TEST_SUITE_P(All, LintGoldenTest,
                         testing::ValuesIn(ListCases("lint")), CaseName);

}  // namespace
}  // namespace strake::dockerfile
