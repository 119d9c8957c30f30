#include "tasks/file/aliases.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/temp_dir.h"

namespace strake::tasks::file {
namespace {

MappedText Text(const std::string& text) { return WithoutCommentLines(text); }

struct Replacement {
  std::string text;
  std::string replaced;
};

class ReplaceAliasesTest : public ::testing::TestWithParam<Replacement> {};

TEST_P(ReplaceAliasesTest, Replaces) {
  Aliases aliases{"$", {{"ID", "<id>"}, {"a", "A"}, {"b", "B"}}};
  EXPECT_EQ(ReplaceAliases(Text(GetParam().text), aliases).text,
            GetParam().replaced);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ReplaceAliasesTest,
    ::testing::Values(
        Replacement{"$ID", "<id>"}, Replacement{"$ID_x", "<id>_x"},
        Replacement{"$IDx", "$IDx"}, Replacement{"${ID}", "${ID}"},
        Replacement{"$$ID", "$ID"}, Replacement{"$$$ID", "$<id>"},
        Replacement{"$$$$ID", "$$ID"}, Replacement{"$a$b", "AB"},
        Replacement{"$x$b", "$x$b"}, Replacement{"$x$b$a", "$x$bA"},
        Replacement{"$a$$b", "A$b"}, Replacement{"$x$$b", "$x$B"},
        Replacement{"$x $b", "$x B"}, Replacement{"$(date)", "$(date)"},
        Replacement{"$5", "$5"}, Replacement{"$HOME", "$HOME"},
        Replacement{"$", "$"}, Replacement{"a$", "a$"}, Replacement{"", ""},
        Replacement{"$a: $b\n- $a", "A: B\n- A"},
        Replacement{"a b ID", "a b ID"}));

TEST(AliasesTest, ADirectiveMayHaveSeveralBytes) {
  Aliases aliases{"🐳", {{"a", "A"}, {"b", "B"}}};
  EXPECT_EQ(ReplaceAliases(Text("🐳a $a 🐳🐳a 🐳x🐳b 🐳a🐳b"), aliases).text,
            "A $a 🐳a 🐳x🐳b AB");
}

TEST(AliasesTest, AValueIsNotLookedAtAgain) {
  Aliases aliases{"$", {{"a", "$b"}, {"b", "B"}}};
  EXPECT_EQ(ReplaceAliases(Text("$a"), aliases).text, "$b");
}

TEST(AliasesTest, LinesOfAValueAreOfTheLineWithItsName) {
  Aliases aliases{"$", {{"a", "1\n2\n3"}}};
  MappedText text = ReplaceAliases(Text("x\n$a\ny"), aliases);
  EXPECT_EQ(text.text, "x\n1\n2\n3\ny");
  EXPECT_EQ(text.lines, (std::vector<int>{1, 2, 2, 2, 3}));
}

TEST(AliasesTest, OnlyAWholeFirstWordIsReplaced) {
  Aliases aliases{"$", {{"bash", "shell"}}};
  auto found = FindFirstWord("bash echo bash", aliases);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->value, "shell");
  EXPECT_EQ(found->rest, " echo bash");
  found = FindFirstWord("  bash ", aliases);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->rest, "");
  EXPECT_FALSE(FindFirstWord("bash:3.0 echo", aliases));
  EXPECT_FALSE(FindFirstWord("-t bash", aliases));
  EXPECT_FALSE(FindFirstWord("", aliases));
}

TEST(AliasesTest, TheBlockEndsAtTheNextKey) {
  AliasBlock cut = CutAliasBlock(Text(
      "version: v1.1.0\nalias  :\n  values:\n    a: b\n\n# x\nsteps: []\n"));
  EXPECT_EQ(cut.block.text, "alias  :\n  values:\n    a: b\n");
  EXPECT_EQ(cut.block.lines, (std::vector<int>{2, 3, 4, 5}));
  EXPECT_EQ(cut.rest.text, "version: v1.1.0\nsteps: []\n");
}

TEST(AliasesTest, TheNextKeyMayHaveAnAliasInIt) {
  AliasBlock cut =
      CutAliasBlock(Text("alias:\n  directive: '🐳'\n- a\n: b\n🐳steps: []\n"));
  EXPECT_EQ(cut.rest.text, "🐳steps: []\n");
}

TEST(AliasesTest, AnIndentedAliasIsNoBlock) {
  EXPECT_EQ(CutAliasBlock(Text("a:\n  alias: x\n")).block.text, "");
}

TEST(AliasesTest, VersionsAreComparedAsText) {
  EXPECT_FALSE(VersionHasAliases(""));
  EXPECT_FALSE(VersionHasAliases("v1.0.0"));
  EXPECT_FALSE(VersionHasAliases("V1.1.0"));
  EXPECT_TRUE(VersionHasAliases("v1.1.0"));
  EXPECT_TRUE(VersionHasAliases("v1.2"));
  EXPECT_TRUE(VersionHasAliases("strake/v1"));
}

class ReadAliasesTest : public ::testing::Test {
 protected:
  Result<Aliases> Read(const std::string& block) {
    AliasSources sources{scratch_.path(), os_, fetch_};
    Problems problems("acb.yaml");
    return ReadAliases(Text(block), block, sources, problems);
  }
  std::string Value(const std::string& block, const std::string& name) {
    auto aliases = Read(block);
    EXPECT_TRUE(aliases) << aliases.error().message();
    return aliases ? aliases->values[name] : "";
  }
  std::string ErrorOf(const std::string& block) {
    auto aliases = Read(block);
    EXPECT_FALSE(aliases);
    return aliases ? "" : aliases.error().message();
  }

  strake::testing::TempDir scratch_;
  std::string os_ = "linux";
  std::function<Result<std::string>(const std::string&)> fetch_;
};

TEST_F(ReadAliasesTest, SomeAreThereWithoutABlock) {
  EXPECT_EQ(Value("", "ID"), "{{.Run.ID}}");
  EXPECT_EQ(Value("", "SharedVolume"), "{{.Run.SharedVolume}}");
  EXPECT_EQ(Value("", "acr"), "mcr.microsoft.com/acr/acr-cli:0.19");
  EXPECT_EQ(Value("", "cssc"), "mcr.microsoft.com/acr/cssc:2ff604c");
  EXPECT_EQ(Value("", "TaskName"), "");
}

TEST_F(ReadAliasesTest, WindowsHasNoImages) {
  os_ = "windows";
  EXPECT_EQ(Value("", "bash"), "");
  EXPECT_EQ(Value("", "OS"), "{{.Run.OS}}");
}

TEST_F(ReadAliasesTest, ValuesWinOverFilesAndLaterFilesOverEarlierOnes) {
  scratch_.Write("one.yml", "a: one\nb: one\nc: one\nID: one\n");
  scratch_.Write("two.yml", "b: two\nc: two\n");
  const std::string block =
      "alias:\n  src: [one.yml, ./two.yml]\n  values: {c: block}\n";
  EXPECT_EQ(Value(block, "a"), "one");
  EXPECT_EQ(Value(block, "b"), "two");
  EXPECT_EQ(Value(block, "c"), "block");
  EXPECT_EQ(Value(block, "ID"), "one");
}

TEST_F(ReadAliasesTest, AnEmptyFileHasNoAliases) {
  scratch_.Write("empty.yml", "");
  EXPECT_EQ(Value("alias:\n  src: [empty.yml]\n", "Date"), "{{.Run.Date}}");
}

TEST_F(ReadAliasesTest, AnAddressIsFetched) {
  fetch_ = [](const std::string& url) -> Result<std::string> {
    return "from: " + url + "\n";
  };
  EXPECT_EQ(Value("alias: {src: ['http://host/x.yml?sas']}\n", "from"),
            "http://host/x.yml?sas");
}

TEST_F(ReadAliasesTest, TheDirectiveIsAnyOneCharacter) {
  auto aliases = Read("alias:\n  directive: '🐳'\n");
  ASSERT_TRUE(aliases);
  EXPECT_EQ(aliases->directive, "🐳");
}

TEST_F(ReadAliasesTest, WhatIsWrongSaysWhere) {
  const std::string search = "unable to search/replace aliases in task: ";
  EXPECT_EQ(ErrorOf("alias:\n  directive: ab\n"),
            "acb.yaml:2:14: " + search +
                "$ directive can only be overwritten by a single character");
  EXPECT_EQ(ErrorOf("alias:\n  directive: a\n"),
            "acb.yaml:2:14: " + search +
                "overwritten directives may not be alphanumeric characters");
  EXPECT_EQ(ErrorOf("alias:\n  values: {a-b: c}\n"),
            "acb.yaml:2:12: " + search +
                "alias key names only support alphanumeric characters");
  EXPECT_EQ(ErrorOf("alias:\n  src: one.yml\n"),
            "acb.yaml:2:8: " + search +
                "error during alias unmarshaling: yaml: unmarshal errors:\n"
                "  line 2: cannot unmarshal !!str `one.yml` into []string");
}

TEST_F(ReadAliasesTest, AFileThatIsNoMapOrNotThereIsAnError) {
  EXPECT_THAT(ErrorOf("alias:\n  src: [none.yml]\n"),
              ::testing::HasSubstr("acb.yaml:2:9: unable to search/replace "
                                   "aliases in task: \"none.yml\": "));
  scratch_.Write("list.yml", "- a\n");
  EXPECT_THAT(ErrorOf("alias:\n  src: [list.yml]\n"),
              ::testing::HasSubstr("error during alias unmarshaling: "));
  scratch_.Write("bad.yml", "a: ]\n");
  EXPECT_THAT(ErrorOf("alias:\n  src: [bad.yml]\n"),
              ::testing::HasSubstr("line 1 of \"bad.yml\""));
}

}  // namespace
}  // namespace strake::tasks::file
