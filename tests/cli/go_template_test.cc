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
    testing::Values(Case{"Text", "plain }} text", "plain }} text"},
                    Case{"Field", "{{.Id}}", "sha256:1"},
                    Case{"Blanks", "<{{ .Id }}>", "<sha256:1>"},
                    Case{"Number", "{{.Size}} {{.Ok}}", "7 true"},
                    Case{"List", "{{.Config.Env}}", "[A=1 B=2]"},
                    Case{"Map", "{{.Config.Labels}}", "map[a:b x.y:z]"},
                    Case{"Missing", "{{.Config.Cmd}}", "<no value>"},
                    Case{"BelowMissing", "{{.Config.Healthcheck.Test}}",
                         "<no value>"},
                    Case{"Json", "{{json .Config.Env}}", R"(["A=1","B=2"])"},
                    Case{"JsonMissing", "{{json .Config.Cmd}}", "null"},
                    Case{"IndexMap", R"({{index .Config.Labels "x.y"}})", "z"},
                    Case{"IndexList", "{{index .Config.Env 1}}", "B=2"},
                    Case{"Escapes", "a\\t{{.Size}}\\n", "a\t7\n"},
                    Case{"TrimLeft", "a  {{- .Size}}  b", "a7  b"},
                    Case{"TrimBoth", "a  {{- .Size -}}  b", "a7b"}),
    [](const auto& info) { return info.param.name; });

TEST(GoTemplateErrorTest, SaysWhatIsNotUnderstood) {
  EXPECT_THAT(FormatGoTemplate("{{range .X}}{{end}}", kImage).error().message(),
              HasSubstr("{{range .X}}: not understood"));
  EXPECT_THAT(FormatGoTemplate("{{.Id", kImage).error().message(),
              HasSubstr("not closed"));
  EXPECT_THAT(FormatGoTemplate("{{.Id.X}}", kImage).error().message(),
              HasSubstr("nothing called X in string"));
  EXPECT_THAT(FormatGoTemplate("{{Id}}", kImage).error().message(),
              HasSubstr("expected a field"));
  EXPECT_THAT(
      FormatGoTemplate("{{index .Config.Env 5}}", kImage).error().message(),
      HasSubstr("there are 2"));
}

}  // namespace
}  // namespace strake::cli
