#include "util/yaml.h"

#include <gtest/gtest.h>

#include <string>

namespace strake {
namespace {

YamlNode Parse(const std::string& text) {
  auto root = ParseYaml(text, DuplicateKeys::kKeep);
  EXPECT_TRUE(root) << root.error().message();
  return root ? *root : YamlNode();
}

TEST(YamlTest, EveryValueAndKeyKnowsItsPlace) {
  YamlNode root = Parse("a: 1\nlist:\n  - x\n  - key: [y, z]\n");
  const YamlNode& item = root.items[1].items[1];
  EXPECT_EQ(item.key_marks[0].line, 4);
  EXPECT_EQ(item.key_marks[0].column, 5);
  EXPECT_EQ(item.items[0].items[1].text, "z");
  EXPECT_EQ(item.items[0].items[1].mark.column, 14);
}

TEST(YamlTest, OnlyAPlainScalarIsPlain) {
  YamlNode root = Parse("[60, \"60\", '60', !!str 60]");
  ASSERT_EQ(root.items.size(), 4u);
  EXPECT_TRUE(root.items[0].plain);
  for (size_t i = 1; i < 4; ++i) EXPECT_FALSE(root.items[i].plain) << i;
}

TEST(YamlTest, NullStandsAtItsKey) {
  YamlNode root = Parse("a: 1\nb:\n");
  EXPECT_TRUE(root.Find("b")->is_null());
  EXPECT_EQ(root.Find("b")->mark.line, 2);
}

TEST(YamlTest, TheLastOfSeveralEqualKeysIsFound) {
  EXPECT_EQ(Parse("a: 1\na: 2\n").Find("a")->text, "2");
}

TEST(YamlTest, EqualKeysCanBeRefused) {
  YamlMark failed;
  auto root = ParseYaml("a: 1\na: 2\n", DuplicateKeys::kRefuse, &failed);
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().message(), "\"a\" stands here twice");
  EXPECT_EQ(failed.line, 2);
}

TEST(YamlTest, MergeKeysAddWhatIsNotThere) {
  YamlNode root = Parse(
      "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\n"
      "all:\n  <<: [*one, *two]\n  a: 0\n");
  const YamlNode* all = root.Find("all");
  EXPECT_EQ(all->Find("a")->text, "0");
  EXPECT_EQ(all->Find("b")->text, "1");
  EXPECT_EQ(all->Find("c")->text, "2");
}

TEST(YamlTest, AnErrorHasItsPlace) {
  YamlMark failed;
  EXPECT_FALSE(ParseYaml("a: 1\nb: ]\n", DuplicateKeys::kKeep, &failed));
  EXPECT_EQ(failed.line, 2);
}

TEST(YamlTest, WhatIsNestedWithoutEndIsRefused) {
  auto root = ParseYaml(std::string(100000, '['), DuplicateKeys::kKeep);
  ASSERT_FALSE(root);
  EXPECT_EQ(root.error().message(), "the document is nested too deeply");
}

TEST(YamlTest, WhatGrowsWithoutEndIsRefused) {
  std::string text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 8; ++i) {
    std::string before = "*a" + std::to_string(i - 1);
    text +=
        "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) text += ", " + before;
    text += "]\n";
  }
  EXPECT_FALSE(ParseYaml(text, DuplicateKeys::kKeep));
}

}  // namespace
}  // namespace strake
