#include "util/json.h"

#include <gtest/gtest.h>

namespace strake {
namespace {

nlohmann::json Parsed(std::string_view text) {
  auto document = ParseJson(text);
  EXPECT_TRUE(document) << text;
  return document ? *document : nlohmann::json();
}

TEST(JsonTest, ReadsFieldsByPath) {
  auto document = Parsed(R"({"a": {"b": [1, "x", {"c": true}]}, "n": null})");
  JsonField root(document);
  EXPECT_EQ("x", *root.At("a").At("b").At(1).String());
  EXPECT_EQ(1, *root.At("a").At("b").At(size_t{0}).Int());
  EXPECT_TRUE(*root.At("a").At("b").At(2).At("c").Bool());
  EXPECT_EQ("a.b[2].c", root.At("a").At("b").At(2).At("c").path());
  EXPECT_FALSE(root.At("n").present());
  EXPECT_FALSE(root.At("a").At("zz").At("deeper").present());
  EXPECT_FALSE(root.At("a").At("b").At(9).present());
}

TEST(JsonTest, ErrorsNameThePathAndTheType) {
  auto document = Parsed(R"({"config": {"digest": 5, "list": ["a", 7]}})");
  JsonField root(document);
  auto digest = root.At("config").At("digest").String();
  ASSERT_FALSE(digest);
  EXPECT_EQ(ErrorCode::kInvalidArgument, digest.error().code());
  EXPECT_EQ("config.digest: expected a string, found number",
            digest.error().message());
  EXPECT_EQ("config.nothing: expected an array, found nothing",
            root.At("config").At("nothing").Array().error().message());
  EXPECT_NE(std::string::npos,
            root.At("config").At("list").Strings().error().message().find(
                "config.list[1]"));
}

TEST(JsonTest, NumbersAreNotConvertedSilently) {
  auto document = Parsed(R"({"f": 1.5, "n": -1, "b": 18446744073709551615})");
  JsonField root(document);
  EXPECT_FALSE(root.At("f").Int());
  EXPECT_FALSE(root.At("n").Uint());
  EXPECT_EQ(-1, *root.At("n").Int());
  EXPECT_EQ(UINT64_MAX, *root.At("b").Uint());
  EXPECT_FALSE(root.At("b").Bool());
}

TEST(JsonTest, FallbacksCoverAbsenceButNotMistakes) {
  auto document = Parsed(R"({"null": null, "wrong": 5})");
  JsonField root(document);
  EXPECT_EQ("x", *root.At("missing").StringOr("x"));
  EXPECT_EQ("x", *root.At("null").StringOr("x"));
  EXPECT_FALSE(root.At("wrong").StringOr("x"));
  EXPECT_EQ(3, *root.At("missing").IntOr(3));
  EXPECT_EQ(5, *root.At("wrong").IntOr(3));
  EXPECT_FALSE(root.At("wrong").StringsOr({}));
  EXPECT_TRUE(root.At("missing").StringMapOr({})->empty());
}

TEST(JsonTest, ReadsMapsAndArrays) {
  auto document = Parsed(R"({"m": {"b": "2", "a": "1"}, "l": ["x", "y"]})");
  JsonField root(document);
  EXPECT_EQ((std::map<std::string, std::string>{{"a", "1"}, {"b", "2"}}),
            *root.At("m").StringMap());
  EXPECT_EQ((std::vector<std::string>{"x", "y"}), *root.At("l").Strings());
  auto elements = root.At("l").Array();
  ASSERT_TRUE(elements);
  EXPECT_EQ("l[1]", (*elements)[1].path());
}

TEST(JsonTest, RejectsWhatIsNotOneDocument) {
  for (const char* text : {"", "{", "{}x", "{} {}", "[1,]", "nul", "'a'"}) {
    auto document = ParseJson(text);
    ASSERT_FALSE(document) << text;
    EXPECT_EQ(ErrorCode::kInvalidArgument, document.error().code());
  }
}

TEST(JsonTest, BoundsNesting) {
  std::string deep(200, '[');
  EXPECT_TRUE(ParseJson(deep + std::string(200, ']')));
  std::string deeper(100000, '[');
  auto document = ParseJson(deeper + std::string(100000, ']'));
  ASSERT_FALSE(document);
  EXPECT_NE(std::string::npos, document.error().message().find("nested"));
}

TEST(JsonTest, DumpsCanonically) {
  auto document = Parsed("{\"b\": [1, 2], \"a\": \"x\"}");
  EXPECT_EQ(R"({"a":"x","b":[1,2]})", DumpJson(document));
  EXPECT_EQ("{\n  \"a\": \"x\",\n  \"b\": [\n    1,\n    2\n  ]\n}",
            DumpJsonPretty(document));
  EXPECT_EQ("\"\xef\xbf\xbd\"", DumpJson(nlohmann::json("\xff")));
}

}  // namespace
}  // namespace strake
