#include "tasks/file/template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "util/strings.h"

namespace strake::tasks::file {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view kData = R"({
  "s": "str", "i": 5, "f": 2.5, "b": true, "n": null,
  "l": ["a", "b", 3], "m": {"k": "v", "j": 1},
  "Values": {"image": "web", "empty": ""}})";

std::string Render(std::string_view text, std::string_view data = kData) {
  auto rendered = RenderTemplate(text, data);
  return rendered ? rendered->text : "error: " + rendered.error().message();
}

struct Case {
  std::string name;
  std::string text;
  std::string expected;
};
void PrintTo(const Case& test_case, std::ostream* out) {
  *out << test_case.text;
}

class TemplateTest : public testing::TestWithParam<Case> {};

TEST_P(TemplateTest, RendersAsGoDoes) {
  EXPECT_EQ(Render(GetParam().text), GetParam().expected);
}

std::string CaseName(const testing::TestParamInfo<Case>& info) {
  return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(
    Text, TemplateTest,
    testing::Values(
        Case{"Empty", "", ""}, Case{"Plain", "a }} b\n", "a }} b\n"},
        Case{"Field", "{{.s}}-{{ .i }}-{{.f}}-{{.b}}", "str-5-2.5-true"},
        Case{"Missing", "<{{.no}}><{{.n}}><{{.Values.no}}>", "<><><>"},
        Case{"NestedField", "{{.Values.image}}", "web"},
        Case{"List", "{{.l}}", "[a b 3]"},
        Case{"Map", "{{.m}}", "map[j:1 k:v]"},
        Case{"NilWithin", "{{list nil 1}}{{dict \"a\" nil}}",
             "[<nil> 1]map[a:<nil>]"},
        Case{"TrimLeft", "a  {{- 1}} b", "a1 b"},
        Case{"TrimRight", "a {{1 -}} \n b", "a 1b"},
        Case{"TrimNeedsBlank", "{{-5}}", "-5"},
        Case{"Comment", "a {{/* c }} */}} b {{- /* x */ -}} c", "a  bc"},
        Case{"LinesInAction", "{{ add\n 1\n 2 }}", "3"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Constants, TemplateTest,
    testing::Values(
        Case{"Integers", "{{0x1F}} {{0b101}} {{0o17}} {{017}} {{1_000}} {{-5}}",
             "31 5 15 15 1000 -5"},
        Case{"Floats", "{{1.5}} {{1e3}} {{1000000.0}} {{.5}} {{0x1p4}}",
             "1.5 1000 1e+06 0.5 16"},
        Case{"Characters", R"({{'a'}} {{'\n'}} {{'\x41'}} {{'é'}})",
             "97 10 65 233"},
        Case{"Strings", R"({{"a\tb\u00e9\x41\101\""}} {{`raw\n`}})",
             "a\tb\xc3\xa9"
             "AA\" raw\\n"},
        Case{"Words", "{{true}} {{false}} {{print nil}}", "true false <nil>"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Pipelines, TemplateTest,
    testing::Values(
        Case{"Pipe", R"({{.s | upper | printf "%s-%s" "x"}})", "x-STR"},
        Case{"Parentheses", "{{add (len .l) (len .s)}}", "6"},
        Case{"FieldOfParentheses", R"({{(dict "a" (dict "b" 1)).a.b}})", "1"},
        Case{"Variable", "{{$x := .m}}{{$x.k}}{{$.s}}", "vstr"},
        Case{"AssignInside",
             "{{$a := 1}}{{if true}}{{$a = 2}}{{$b := 3}}{{end}}{{$a}}", "2"},
        Case{"Shadowed", "{{$a := 1}}{{with 2}}{{$a := .}}{{$a}}{{end}}{{$a}}",
             "21"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Blocks, TemplateTest,
    testing::Values(
        Case{"IfElse", "{{if .no}}a{{else if .b}}b{{else}}c{{end}}", "b"},
        Case{"Else", "{{if 0}}a{{else if \"\"}}b{{else}}c{{end}}", "c"},
        Case{"RangeList", "{{range $i, $e := .l}}{{$i}}={{$e}} {{end}}",
             "0=a 1=b 2=3 "},
        Case{"RangeMap", "{{range $k, $v := .m}}{{$k}}={{$v}} {{end}}",
             "j=1 k=v "},
        Case{"RangeDot", "{{range .l}}<{{.}}>{{end}}", "<a><b><3>"},
        Case{"RangeElse", "{{range .no}}a{{else}}none{{end}}", "none"},
        Case{"RangeAssign", "{{$x := 0}}{{range $x = .l}}{{end}}{{$x}}", "3"},
        Case{"BreakContinue",
             "{{range until 5}}{{if eq . 1}}{{continue}}{{end}}"
             "{{if eq . 3}}{{break}}{{end}}{{.}}{{end}}",
             "02"},
        Case{"With", "{{with .m}}{{.k}}{{$.s}}{{end}}", "vstr"},
        Case{"WithElse", "{{with .no}}a{{else}}{{.s}}{{end}}", "str"},
        Case{"WithVariable", "{{with $y := .s}}{{$y}}{{.}}{{end}}", "strstr"},
        Case{"Define",
             "{{define \"T\"}}[{{.}}]{{end}}{{template \"T\" .s}}"
             "{{template \"T\"}}",
             "[str][]"},
        Case{"Block", "{{block \"B\" .i}}<{{.}}>{{end}}", "<5>"},
        Case{"Recursion",
             "{{define \"T\"}}{{if .}}{{len .}}{{template \"T\" (rest .)}}"
             "{{end}}{{end}}{{template \"T\" .l}}",
             "321"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Builtins, TemplateTest,
    testing::Values(
        Case{"AndOrNot",
             "{{and 1 0 2}}{{or 0 \"\" \"x\"}}{{not 0}}{{and 1 2}}{{or 0 0}}",
             "0xtrue20"},
        Case{"OrStops", "{{or 1 (fail \"no\")}}", "1"},
        Case{"Len", "{{len .l}}{{len .m}}{{len \"\u00e9\"}}", "322"},
        Case{"Index", "{{index .l 1}}{{index .m \"k\"}}{{index .m \"no\"}}",
             "bv"},
        Case{"IndexDeep", "{{index (list 1 (list 2 3)) 1 0}}", "2"},
        Case{"Print", "{{print 1 2 \"a\" \"b\" 3 4}}|{{println 1 \"a\"}}",
             "1 2ab3 4|1 a\n"},
        Case{"Html", "{{html \"<a&b>\\\"'\"}}", "&lt;a&amp;b&gt;&#34;&#39;"},
        Case{"Js", "{{js \"it's <b> \\n\"}}", "it\\'s \\u003Cb\\u003E \\u000A"},
        Case{"UrlQuery", "{{urlquery \"a b&c/d\"}}", "a+b%26c%2Fd"},
        Case{"Equal", "{{eq .i 5}} {{eq .i 1 2 5}} {{eq .s \"x\"}}",
             "true true false"},
        Case{"EqualNil", "{{eq .no \"a\"}} {{eq .no nil}} {{ne .no \"a\"}}",
             "false true true"},
        Case{"Order", "{{lt 1 2}}{{le 2 2}}{{gt 1 2}}{{ge \"b\" \"a\"}}",
             "truetruefalsetrue"},
        Case{"IntAndInt64", "{{eq 3 (int64 3)}}{{lt 2 (add 1 2)}}",
             "truetrue"}),
    CaseName);

INSTANTIATE_TEST_SUITE_P(
    Printf, TemplateTest,
    testing::Values(
        Case{
            "Integers",
            R"({{printf "%d|%5d|%-5d|%05d|%+d|% d|%.3d" 42 42 42 42 42 42 5}})",
            "42|   42|42   |00042|+42| 42|005"},
        Case{"Bases",
             R"({{printf "%x %X %#x %o %#o %O %b" 255 255 255 8 8 8 5}})",
             "ff FF 0xff 10 010 0o10 101"},
        Case{"Runes", R"({{printf "%c %q %U %#U" 65 65 65 0x4e16}})",
             "A 'A' U+0041 U+4E16 '\xe4\xb8\x96'"},
        Case{
            "Floats",
            R"({{printf "%.2f|%8.3f|%08.3f|%e|%g|%G" 3.14159 2.5 -3.14159 1234.5678 1e6 1e-10}})",
            "3.14|   2.500|-003.142|1.234568e+03|1e+06|1E-10"},
        Case{"HexFloat", R"({{printf "%x %b" 1.5 1.5}})",
             "0x1.8p+00 6755399441055744p-52"},
        Case{
            "Strings",
            R"({{printf "%s|%8s|%-8s|%.2s|%q|%x|% x" "ab" "ab" "ab" "abc" "q\"" "hi" "hi"}})",
            "ab|      ab|ab      |ab|\"q\\\"\"|6869|68 69"},
        Case{"Values", R"({{printf "%v %+v %t %T %T %%" .l .m true .m 1.5}})",
             "[a b 3] map[j:1 k:v] true map[string]interface {} float64 %"},
        Case{"Syntax", R"({{printf "%#v %#v" .m .l}})",
             "map[string]interface {}{\"j\":1, \"k\":\"v\"} "
             "[]interface {}{\"a\", \"b\", 3}"},
        Case{
            "Mistakes",
            R"({{printf "%d %s %z %!" "a" 1 1}}{{printf "%d" 1 2}}{{printf "%d"}})",
            "%!d(string=a) %!s(int=1) %!z(int=1) %!!(MISSING)"
            "1%!(EXTRA int=2)%!d(MISSING)"},
        Case{"Nil", R"({{printf "%s %v" nil .no}})", "%!s(<nil>) <nil>"},
        Case{"Indexes", R"({{printf "%[2]d %[1]d %[5]d" 1 2}})",
             "2 1 %!d(BADINDEX)"},
        Case{"Stars", R"({{printf "%*d|%-*d|%.*f" 5 1 5 1 2 3.14159}})",
             "    1|1    |3.14"},
        Case{"Lists",
             R"({{printf "%d %q %3d" (list 1 2) (list "a") (list 1)}})",
             "[1 2] [\"a\"] [  1]"}),
    CaseName);

struct ErrorCase {
  std::string name;
  std::string text;
  std::string error;
};
void PrintTo(const ErrorCase& test_case, std::ostream* out) {
  *out << test_case.text;
}

class TemplateErrorTest : public testing::TestWithParam<ErrorCase> {};

TEST_P(TemplateErrorTest, SaysWhatIsWrongAndWhere) {
  TemplateOptions options;
  options.name = "acb.yaml";
  auto rendered = RenderTemplate(GetParam().text, kData, options);
  ASSERT_FALSE(rendered) << rendered->text;
  EXPECT_EQ(rendered.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(rendered.error().message(), GetParam().error);
}

std::string ErrorCaseName(const testing::TestParamInfo<ErrorCase>& info) {
  return info.param.name;
}

std::string Parse(const std::string& rest) {
  return "failed to parse template: acb.yaml:" + rest;
}

std::string Run(const std::string& rest) {
  return "failed to execute template: acb.yaml:" + rest;
}

INSTANTIATE_TEST_SUITE_P(
    Parse, TemplateErrorTest,
    testing::Values(
        ErrorCase{"UnknownFunction", "a\n {{ uper 1 }}",
                  Parse("2:5: function \"uper\" not defined "
                        "(did you mean upper?)")},
        ErrorCase{"UnknownVariable", "{{ $x }}",
                  Parse("1:4: undefined variable \"$x\"")},
        ErrorCase{"VariableOutOfScope", "{{if 1}}{{$x := 1}}{{end}}{{$x}}",
                  Parse("1:29: undefined variable \"$x\"")},
        ErrorCase{"Unclosed", "{{ .a", Parse("1:6: unclosed action")},
        ErrorCase{"UnclosedIf", "{{if 1}}a", Parse("1:10: unexpected EOF")},
        ErrorCase{"StrayEnd", "{{end}}", Parse("1:3: unexpected {{end}}")},
        ErrorCase{"StrayElse", "{{else}}", Parse("1:3: unexpected {{else}}")},
        ErrorCase{"TwoElses", "{{if 1}}{{else}}{{else}}{{end}}",
                  Parse("1:17: expected end; found {{else}}")},
        ErrorCase{"NoCondition", "{{if}}", Parse("1:5: missing value for if")},
        ErrorCase{"Empty", "{{}}", Parse("1:3: missing value for command")},
        ErrorCase{"ConstantAsStage", "{{1 | 2}}",
                  Parse("1:7: non executable command in pipeline stage 2")},
        ErrorCase{"OpenQuote", "{{\"a\n\"}}",
                  Parse("1:3: unterminated quoted string")},
        ErrorCase{"OpenRawQuote", "{{`a}}",
                  Parse("1:3: unterminated raw quoted string")},
        ErrorCase{"OpenComment", "{{/* a }}", Parse("1:3: unclosed comment")},
        ErrorCase{"OpenParenthesis", "{{(1}}",
                  Parse("1:5: unclosed left paren")},
        ErrorCase{"StrayParenthesis", "{{1)}}",
                  Parse("1:4: unexpected \")\" in command")},
        ErrorCase{"BadNumber", "{{1x}}",
                  Parse("1:3: bad number syntax: \"1x\"")},
        ErrorCase{"BadCharacter", "{{len&b}}",
                  Parse("1:6: bad character U+0026 '&'")},
        ErrorCase{"BreakOutside", "{{break}}",
                  Parse("1:3: {{break}} outside {{range}}")},
        ErrorCase{"TwoDefinitions",
                  "{{define \"a\"}}{{end}}{{define \"a\"}}{{end}}",
                  Parse("1:22: multiple definition of template \"a\"")},
        ErrorCase{"TwoVariables", "{{$a, $b := 1}}",
                  Parse("1:3: too many declarations in command")}),
    ErrorCaseName);

INSTANTIATE_TEST_SUITE_P(
    Execute, TemplateErrorTest,
    testing::Values(
        ErrorCase{"FieldOfMissing", "a\n  b: {{ .Values.a.b }}",
                  Run("2:9: at <.Values.a.b>: nil pointer evaluating "
                      "interface {}.b")},
        ErrorCase{"FieldOfText", "{{ .s.b }}",
                  Run("1:4: at <.s.b>: can't evaluate field b in type "
                      "string")},
        ErrorCase{"TextForInt", "{{ repeat .s \"a\" }}",
                  Run("1:11: at <.s>: wrong type for value; expected int; "
                      "got string")},
        ErrorCase{"ConstantForText", "{{ upper 5 }}",
                  Run("1:10: at <5>: expected string; found 5")},
        ErrorCase{"NothingForText", "{{ .no | upper }}",
                  Run("1:10: at <upper>: invalid value; expected string")},
        ErrorCase{"MissingForText", "{{ upper .no }}",
                  Run("1:10: at <.no>: wrong type for value; expected string; "
                      "got interface {}")},
        ErrorCase{"TooFew", "{{ upper }}",
                  Run("1:4: at <upper>: wrong number of args for upper: want 1 "
                      "got 0")},
        ErrorCase{"TooFewOfMany", "{{ or }}",
                  Run("1:4: at <or>: wrong number of args for or: want at "
                      "least 1 got 0")},
        ErrorCase{"RangeOverInt", "{{range .i}}{{end}}",
                  Run("1:9: at <.i>: range can't iterate over 5")},
        ErrorCase{"NoTemplate", "{{template \"q\"}}",
                  Run("1:1: at <{{template \"q\"}}>: template \"q\" not "
                      "defined")},
        ErrorCase{"NoFunction", "{{ .s 1 }}",
                  Run("1:4: at <.s>: s is not a method but has arguments")},
        ErrorCase{"ConstantWithArgument", "{{ 1 2 }}",
                  Run("1:4: at <1>: can't give argument to non-function 1")},
        ErrorCase{"NilAlone", "{{ nil }}",
                  Run("1:4: at <nil>: nil is not a command")},
        ErrorCase{"Overflow", "{{ 9223372036854775808 }}",
                  Run("1:4: at <9223372036854775808>: 9223372036854775808 "
                      "overflows int")},
        ErrorCase{"IndexOutOfRange", "{{ index .l 5 }}",
                  Run("1:4: at <index .l 5>: error calling index: index out "
                      "of range: 5")},
        ErrorCase{"Incompatible", "{{ eq 1 1.0 }}",
                  Run("1:4: at <eq 1 1.0>: error calling eq: incompatible "
                      "types for comparison")},
        ErrorCase{"Uncomparable", "{{ lt .no 1 }}",
                  Run("1:4: at <lt .no 1>: error calling lt: invalid type for "
                      "comparison")},
        ErrorCase{"CallOfNil", "{{ call .no }}",
                  Run("1:4: at <call .no>: error calling call: call of nil")}),
    ErrorCaseName);

TEST(TemplateLimitTest, RecursionEndsWithAnError) {
  EXPECT_THAT(Render("{{define \"T\"}}{{template \"T\"}}{{end}}"
                     "{{template \"T\"}}"),
              HasSubstr("exceeded maximum template depth"));
}

TEST(TemplateLimitTest, NestingIsBounded) {
  std::string parentheses(50000, '(');
  EXPECT_THAT(Render("{{" + parentheses), HasSubstr("nested deeper"));
  std::string blocks;
  for (int i = 0; i < 50000; ++i) blocks += "{{if 1}}";
  EXPECT_THAT(Render(blocks), HasSubstr("nested deeper"));
  std::string elses = "{{if 1}}";
  for (int i = 0; i < 50000; ++i) elses += "{{else if 1}}";
  EXPECT_THAT(Render(elses), HasSubstr("nested deeper"));
}

TEST(TemplateLimitTest, OutputAndValuesAreBounded) {
  EXPECT_THAT(Render("{{repeat 1000000000 \"abc\"}}"),
              HasSubstr("a template may make 16.8MB"));
  EXPECT_THAT(Render("{{$s := repeat 1000000 \"x\"}}"
                     "{{range until 100}}{{$s}}{{end}}"),
              HasSubstr("a template may make 16.8MB"));
  EXPECT_THAT(Render("{{until 1000000000}}"),
              HasSubstr("a template may make 1000000"));
  EXPECT_THAT(Render("{{printf \"%1000000000d\" 1}}"), HasSubstr("1"));
  EXPECT_THAT(Render("{{range until 900000}}{{range until 900000}}{{end}}"
                     "{{end}}"),
              HasSubstr("too much work"));
}

TEST(TemplateLimitTest, DeepValuesNeitherCrashNorPrint) {
  EXPECT_THAT(Render("{{$x := list}}{{range until 100000}}{{$x = list $x}}"
                     "{{end}}{{$x}}"),
              HasSubstr("nested deeper than 200 levels"));
  EXPECT_THAT(Render("{{$d := dict}}{{set $d \"a\" (list $d)}}"),
              HasSubstr("cannot be put into itself"));
}

TEST(TemplateSourceLinesTest, TellWhereEachLineCameFrom) {
  auto rendered = RenderTemplate(
      "a\n{{- /* c */}}\nb: {{.m.k}}\n{{range .l}}"
      "x {{.}}\n{{end}}z\n",
      kData);
  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->text, "a\nb: v\nx a\nx b\nx 3\nz\n");
  EXPECT_THAT(rendered->source_lines, ElementsAre(1, 3, 4, 4, 4, 5, 6));
}

TEST(TemplateSourceLinesTest, LinesOfOneActionComeFromItsLine) {
  auto rendered = RenderTemplate("a\n{{\"x\\ny\\nz\"}}\nb", kData);
  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->text, "a\nx\ny\nz\nb");
  EXPECT_THAT(rendered->source_lines, ElementsAre(1, 2, 2, 2, 3));
  EXPECT_THAT(RenderTemplate("", kData)->source_lines, ElementsAre(1));
}

TEST(TemplateEnvironmentTest, EnvSeesWhatTheCallerGives) {
  TemplateOptions options;
  options.environment =
      [](const std::string& name) -> std::optional<std::string> {
    if (name == "HOME") return "/h";
    return std::nullopt;
  };
  auto rendered = RenderTemplate(
      "{{env \"HOME\"}}{{env \"PATH\"}} {{expandenv \"$HOME/${HOME} $NO\"}}",
      "{}", options);
  ASSERT_TRUE(rendered);
  EXPECT_EQ(rendered->text, "/h /h//h ");
  EXPECT_EQ(Render("{{env \"HOME\"}}"), "");
}

class DeferredTest : public testing::TestWithParam<Case> {};

TEST_P(DeferredTest, StaysInTheText) {
  TemplateOptions options;
  options.later = {"Steps", "Later"};
  auto rendered = RenderTemplate(GetParam().text, kData, options);
  ASSERT_TRUE(rendered) << rendered.error().message();
  EXPECT_EQ(rendered->text, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Later, DeferredTest,
    testing::Values(
        Case{"Action", "{{.s}} {{ .Steps.a.Outputs.b | quote }}",
             "str {{ .Steps.a.Outputs.b | quote }}"},
        Case{"Trimmed", "a {{- .Steps.x -}} b", "a{{- .Steps.x -}}b"},
        Case{"Root", "{{with .m}}{{$.Steps.a}}{{end}}",
             "{{with .m}}{{$.Steps.a}}{{end}}"},
        Case{"NotTheData", "{{with dict \"Steps\" 1}}{{.Steps}}{{end}}", "1"},
        Case{"Argument", "{{if eq (len .Steps.a) 1}}{{.s}}{{end}}{{.s}}",
             "{{if eq (len .Steps.a) 1}}{{.s}}{{end}}str"},
        Case{"InsideOfBlock",
             "{{range .l}}{{if .}}{{$.Later}}{{end}}{{else}}x{{end}}!",
             "{{range .l}}{{if .}}{{$.Later}}{{end}}{{else}}x{{end}}!"},
        Case{"VariableOfLater", "{{$x := .Steps.a}}{{.s}}{{$x}}",
             "{{$x := .Steps.a}}str{{$x}}"},
        Case{"VariableForLater", "{{$k := \"a\"}}{{index .Steps $k}}{{.i}}",
             "{{$k := \"a\"}}{{index .Steps $k}}5"},
        Case{"Template",
             "{{define \"T\"}}{{.Steps}}{{end}}{{template \"T\" .}}{{.i}}",
             "{{define \"T\"}}{{.Steps}}{{end}}{{template \"T\" .}}5"},
        Case{"OtherTemplate",
             "{{define \"T\"}}x{{end}}{{template \"T\"}}{{.Steps}}",
             "x{{.Steps}}"}),
    CaseName);

TEST(TemplateLaterTest, WhatAValueHoldsIsNoActionLater) {
  TemplateOptions options;
  options.later = {"Steps"};
  for (const char* value :
       {"{{.Secret}}", "{", "{{{", "a{{`x`}}b", "{{", "}}{{.Secret}}{{"}) {
    const std::string data =
        "{\"v\":" + GoQuote(value) + ",\"Secret\":\"told\"}";
    auto once = RenderTemplate("<{{.v}}{{.v}}> {{.Steps.x}}", data, options);
    ASSERT_TRUE(once) << once.error().message();
    auto twice =
        RenderTemplate(once->text, R"({"Secret":"told","Steps":{"x":"late"}})");
    ASSERT_TRUE(twice) << once->text << ": " << twice.error().message();
    EXPECT_EQ(twice->text, "<" + std::string(value) + value + "> late");
  }
}

}  // namespace
}  // namespace strake::tasks::file
