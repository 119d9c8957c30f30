#include "tasks/file/values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::tasks::file {
namespace {

std::string Values(const std::string& yaml) {
  auto values = ReadValues(yaml, "values.yaml");
  return values ? *values : values.error().message();
}

std::string Set(const std::string& values,
                const std::vector<std::string>& settings) {
  auto set = SetValues(values, settings);
  return set ? *set : set.error().message();
}

TEST(ValuesTest, ScalarsHaveTheTypesOfYaml) {
  EXPECT_EQ(Values("a: yes\nb: 012\nc: 1.5\nd: '1'\ne: text\nf: ~\ng: 0x10\n"),
            "{\"a\":true,\"b\":10,\"c\":1.5,\"d\":\"1\",\"e\":\"text\","
            "\"f\":null,\"g\":16}");
}

TEST(ValuesTest, MapsMayBeWithinMaps) {
  EXPECT_EQ(Values("a: {b: {c: [1, {d: e}]}}\n1: x\n"),
            "{\"1\":\"x\",\"a\":{\"b\":{\"c\":[1,{\"d\":\"e\"}]}}}");
}

TEST(ValuesTest, AnEmptyFileHasNone) {
  EXPECT_EQ(Values(""), "{}");
  EXPECT_EQ(Values("# nothing\n"), "{}");
}

TEST(ValuesTest, OnlyAMapHasNames) {
  EXPECT_THAT(Values("- a\n"),
              ::testing::StartsWith("values.yaml:1:1: yaml: "));
  EXPECT_THAT(Values("a: ]\n"),
              ::testing::StartsWith("values.yaml:1:4: yaml: "));
}

TEST(ValuesTest, SettingsAreStrings) {
  EXPECT_EQ(Set("{}", {"a=12345", "b=true", "c="}),
            "{\"a\":\"12345\",\"b\":\"true\",\"c\":\"\"}");
}

TEST(ValuesTest, OnlyTheFirstEqualsSignSeparates) {
  EXPECT_EQ(Set("{}", {"a=b=c"}), "{\"a\":\"b=c\"}");
}

TEST(ValuesTest, DotsAreOfTheKey) {
  EXPECT_EQ(Set("{\"a\":{\"b\":1}}", {"a.b=2"}),
            "{\"a\":{\"b\":1},\"a.b\":\"2\"}");
}

TEST(ValuesTest, ASettingReplacesAllOfAValueAndTheLastOneCounts) {
  EXPECT_EQ(Set("{\"a\":{\"b\":1}}", {"a=x", "a=y"}), "{\"a\":\"y\"}");
}

TEST(ValuesTest, ASettingNeedsAKeyAndAValue) {
  EXPECT_EQ(Set("{}", {"a"}),
            "failed to parse --set data; invalid format, no = assignment "
            "found");
  EXPECT_EQ(Set("{}", {"=a"}),
            "failed to parse --set data; expected a key=val format");
}

}  // namespace
}  // namespace strake::tasks::file
