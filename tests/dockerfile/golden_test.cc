// Directories of input and expected output: testdata/dockerfile/<behaviour>
// for the parser, testdata/lint/<rule> for the checks, each holding Dockerfile
// and expected. STRAKE_UPDATE_GOLDEN=1 writes what is printed now; read the
// difference before committing it.

#include "tests/support/golden.h"

#include <gtest/gtest.h>

#include <string>

#include "dockerfile/lint.h"
#include "dockerfile/parser.h"
#include "dockerfile/print.h"
#include "util/byte_stream.h"

namespace strake::dockerfile {
namespace {

using strake::testing::CompareWithGolden;
using strake::testing::GoldenCases;
using strake::testing::GoldenName;
using strake::testing::GoldenPath;

class ParserGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ParserGoldenTest, PrintsWhatIsExpected) {
  std::string folder = GoldenPath("dockerfile", GetParam());
  auto text = ReadFile(folder + "/Dockerfile");
  ASSERT_TRUE(text) << text.error().message();
  CompareWithGolden(folder, Print(Parse(*text)));
}

INSTANTIATE_TEST_SUITE_P(All, ParserGoldenTest,
                         ::testing::ValuesIn(GoldenCases("dockerfile")),
                         GoldenName);

class LintGoldenTest : public ::testing::TestWithParam<std::string> {};

TEST_P(LintGoldenTest, PrintsWhatIsExpected) {
  std::string folder = GoldenPath("lint", GetParam());
  auto text = ReadFile(folder + "/Dockerfile");
  ASSERT_TRUE(text) << text.error().message();
  ParseResult result = Parse(*text);
  ASSERT_FALSE(HasErrors(result.diagnostics)) << Print(result.diagnostics);
  auto config = LintConfigFor(result.dockerfile, {});
  ASSERT_TRUE(config) << config.error().message();
  CompareWithGolden(folder,
                    Print(Lint(result.dockerfile, {.config = *config})) +
                        Print(result.diagnostics));
}

INSTANTIATE_TEST_SUITE_P(All, LintGoldenTest,
                         ::testing::ValuesIn(GoldenCases("lint")), GoldenName);

}  // namespace
}  // namespace strake::dockerfile
