#include "cli/go_template.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strake::cli {
namespace {

using testing::HasSubstr;

constexpr std::string_view kImage = R"({
  "Id": "sha256:1", "Size": 7, "Ok": true, "Nothing": null,
  "Config": {"Env": ["A=1", "B=2"], "Labels": {"x.y": "z", "a": "b"}}})";

struct Case {
  std::string name;
  std::string pattern;
  std::string expected;
};

class GoTemplateTest : public testing::TestWithParam<Case> {};

TEST_P(GoTemplateTest, PrintsAsGoDoes) {
  auto text = FormatGoTemplate(GetParam().pattern, kImage);
  ASSERT_TRUE(text) << text.error().message();
  EXPECT_EQ(*text, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Patterns, GoTemplateTest,
    testing::Values(
        Case{"Text", "plain }} text", "plain }} text"},
        Case{"Field", "{{.Id}}", "sha256:1"},
        Case{"Blanks", "<{{ .Id }}>", "<sha256:1>"},
        Case{"Number", "{{.Size}} {{.Ok}}", "7 true"},
        Case{"List", "{{.Config.Env}}", "[A=1 B=2]"},
        Case{"Map", "{{.Config.Labels}}", "map[a:b x.y:z]"},
        Case{"Missing", "{{.Config.Cmd}}", "<no value>"},
        Case{"BelowMissing", "{{.Config.Healthcheck.Test}}", "<no value>"},
        Case{"Json", "{{json .Config.Env}}", R"(["A=1","B=2"])"},
        Case{"JsonMissing", "{{json .Config.Cmd}}", "null"},
        Case{"IndexMap", R"({{index .Config.Labels "x.y"}})", "z"},
        Case{"IndexList", "{{index .Config.Env 1}}", "B=2"},
        Case{"Escapes", "a\\t{{.Size}}\\n", "a\t7\n"},
        Case{"TrimLeft", "a  {{- .Size}}  b", "a7  b"},
        Case{"TrimBoth", "a  {{- .Size -}}  b", "a7b"},
        Case{"Range", "{{range .Config.Env}}<{{.}}>{{end}}", "<A=1><B=2>"},
        Case{"If", "{{if .Config.Cmd}}a{{else}}b{{end}}", "b"},
        Case{"Join", "{{join .Config.Env \",\"}}", "A=1,B=2"},
        Case{"Split", "{{index (split .Id \":\") 1}}", "1"},
        Case{"Cases", "{{upper .Id}}{{lower \"A\"}}{{title \"ab\"}}",
             "SHA256:1aAb"},
        Case{"Pad", "{{pad .Id 1 2}}|{{pad \"\" 1 2}}", " sha256:1  |"},
        Case{"Truncate", "{{truncate .Id 3}}{{truncate \"a\" 3}}", "shaa"},
        Case{"JsonIsPlain", "{{json \"<a&b>\"}}", "\"<a&b>\""},
        Case{"Println", "{{println .Size}}", "7\n"}),
    [](const auto& info) { return info.param.name; });

TEST(GoTemplateErrorTest, SaysWhatIsNotUnderstood) {
  EXPECT_THAT(
      FormatGoTemplate("{{range .Id}}{{end}}", kImage).error().message(),
      HasSubstr("range can't iterate over sha256:1"));
  EXPECT_THAT(FormatGoTemplate("{{.Id", kImage).error().message(),
              HasSubstr("--format:1:6: unclosed action"));
  EXPECT_THAT(FormatGoTemplate("{{.Id.X}}", kImage).error().message(),
              HasSubstr("can't evaluate field X in type string"));
  EXPECT_THAT(FormatGoTemplate("{{Id}}", kImage).error().message(),
              HasSubstr("function \"Id\" not defined"));
  EXPECT_THAT(FormatGoTemplate("{{b64enc .Id}}", kImage).error().message(),
              HasSubstr("function \"b64enc\" not defined"));
  EXPECT_THAT(
      FormatGoTemplate("{{index .Config.Env 5}}", kImage).error().message(),
      HasSubstr("index out of range: 5"));
}

}  // namespace
}  // namespace strake::cli
