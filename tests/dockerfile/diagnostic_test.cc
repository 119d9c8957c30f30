#include "dockerfile/diagnostic.h"

#include <gtest/gtest.h>

#include <string>

#include "dockerfile/lint_rules.h"
#include "dockerfile/parser.h"

namespace strake::dockerfile {
namespace {

std::string FormatFirst(const std::string& text) {
  ParseResult result = Parse(text);
  if (result.diagnostics.empty()) return {};
  return FormatDiagnostic(result.diagnostics[0], "Dockerfile", text);
}

TEST(FormatDiagnosticTest, ShowsTheLineWithACaret) {
  EXPECT_EQ(FormatFirst("FROM scratch\nFROM alpine base\n"),
            "error: FROM requires either one or three arguments\n"
            " --> Dockerfile:2:6\n"
            "  |\n"
            "2 | FROM alpine base\n"
            "  |      ^^^^^^^^^^^\n"
            "  = hint: write FROM image, or FROM image AS name\n");
}

TEST(FormatDiagnosticTest, LeavesOutAnEmptyHint) {
  EXPECT_EQ(FormatFirst("FROM scratch\nFOO bar\n"),
            "error: unknown instruction: FOO\n"
            " --> Dockerfile:2:1\n"
            "  |\n"
            "2 | FOO bar\n"
            "  | ^^^\n");
}

TEST(FormatDiagnosticTest, NamesTheRule) {
  Diagnostic finding = lint::StageNameCasing(
      "A",
      {.start_line = 1, .start_column = 1, .end_line = 1, .end_column = 5});
  EXPECT_EQ(FormatDiagnostic(finding, "f", "FROM x AS A\n"),
            "warning[StageNameCasing]: Stage name 'A' should be lowercase\n"
            " --> f:1:1\n"
            "  |\n"
            "1 | FROM x AS A\n"
            "  | ^^^^\n");
}

TEST(FormatDiagnosticTest, WidensTheMarginForLongNumbers) {
  std::string text = "FROM scratch\n" + std::string(98, '\n') + "FOO\n";
  EXPECT_EQ(FormatFirst(text),
            "error: unknown instruction: FOO\n"
            "   --> Dockerfile:100:1\n"
            "    |\n"
            "100 | FOO\n"
            "    | ^^^\n");
}

TEST(FormatDiagnosticTest, PointsIntoContinuedLines) {
  EXPECT_EQ(FormatFirst("FROM scratch\nCOPY --link \\\n  --lnk a b\n"),
            "error: unknown flag: --lnk (did you mean link?)\n"
            " --> Dockerfile:3:3\n"
            "  |\n"
            "3 |   --lnk a b\n"
            "  |   ^^^^^\n");
}

TEST(FormatDiagnosticTest, UnderlinesTheFirstOfSeveralLines) {
  EXPECT_EQ(FormatFirst("FROM scratch\nLABEL \\\n  a \\\n b=c\n").substr(0, 5),
            "");
  EXPECT_EQ(FormatFirst("RUN a \\\n  b\n"),
            "error: no build stage in current context\n"
            " --> Dockerfile:1:1\n"
            "  |\n"
            "1 | RUN a \\\n"
            "  | ^^^^^^^\n"
            "  = hint: only ARG may stand above the first FROM\n");
}

TEST(FormatDiagnosticTest, LinesUpBehindTabsAndWideCharacters) {
  EXPECT_EQ(FormatFirst("FROM scratch\n\tENV ä=\tb=1 ü\n"),
            "error: Syntax error - can't find = in \"ü\". Must be of the form: "
            "name=value\n"
            " --> Dockerfile:2:14\n"
            "  |\n"
            "2 | \tENV ä=\tb=1 ü\n"
            "  | \t      \t    ^\n"
            "  = hint: put quotes around a value with blanks in it\n");
}

TEST(FormatDiagnosticTest, ShowsNoLineWhereThePlaceIsUnknown) {
  EXPECT_EQ(FormatDiagnostic(MakeError("m", {}, "h"), "f", "FROM x\n"),
            "error: m\n --> f\n  = hint: h\n");
  EXPECT_EQ(FormatDiagnostic(
                MakeError("m", {.start_line = 9, .start_column = 2}), "f", "x"),
            "error: m\n --> f:9:2\n");
}

TEST(FormatDiagnosticTest, ClipsRangesBeyondTheLine) {
  EXPECT_EQ(FormatDiagnostic(MakeError("m", {.start_line = 1,
                                             .start_column = 9,
                                             .end_line = 1,
                                             .end_column = 99}),
                             "f", "ab\r\n"),
            "error: m\n --> f:1:9\n  |\n1 | ab\n  |   ^\n");
}

TEST(FormatDiagnosticTest, SkipsTheByteOrderMark) {
  EXPECT_EQ(FormatFirst("\xEF\xBB\xBF"
                        "FOO\nFROM scratch\n"),
            "error: unknown instruction: FOO\n"
            " --> Dockerfile:1:1\n"
            "  |\n"
            "1 | FOO\n"
            "  | ^^^\n");
}

TEST(FormatDiagnosticsTest, PutsEmptyLinesBetween) {
  EXPECT_EQ(
      FormatDiagnostics({MakeError("a", {}), MakeError("b", {})}, "f", ""),
      "error: a\n --> f\n\nerror: b\n --> f\n");
}

TEST(DiagnosticTest, SortsByPlaceAndKeepsEqualOnesInOrder) {
  auto at = [](int line, int column) {
    return SourceRange{.start_line = line, .start_column = column};
  };
  std::vector<Diagnostic> list = {
      MakeError("c", at(2, 1)), MakeError("b", at(1, 5)),
      MakeError("a", at(1, 5)), MakeError("d", at(1, 1))};
  SortByPlace(list);
  std::string order;
  for (const Diagnostic& d : list) order += d.message;
  EXPECT_EQ(order, "dbac");
}

TEST(DiagnosticTest, WarningsAreNoErrors) {
  EXPECT_FALSE(HasErrors({lint::MaintainerDeprecated({})}));
  EXPECT_TRUE(HasErrors({lint::MaintainerDeprecated({}), MakeError("x", {})}));
  EXPECT_FALSE(HasErrors({}));
}

}  // namespace
}  // namespace strake::dockerfile
