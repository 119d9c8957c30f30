#include "util/suggest.h"

#include <gtest/gtest.h>

namespace strake {
namespace {

TEST(SuggestTest, MeasuresEditDistance) {
  EXPECT_EQ(0u, EditDistance("", ""));
  EXPECT_EQ(3u, EditDistance("", "abc"));
  EXPECT_EQ(3u, EditDistance("kitten", "sitting"));
  EXPECT_EQ(1u, EditDistance("copy", "cpy"));
  EXPECT_EQ(EditDistance("flaw", "lawn"), EditDistance("lawn", "flaw"));
}

TEST(SuggestTest, FindsTheNearestSpelling) {
  std::vector<std::string> words = {"COPY", "ENTRYPOINT", "ENV", "EXPOSE"};
  EXPECT_EQ("ENTRYPOINT", Suggest("ENTRPOINT", words));
  EXPECT_EQ("ENTRYPOINT", Suggest("entrypont", words));
  EXPECT_EQ("ENV", Suggest("EMV", words));
}

TEST(SuggestTest, IsSilentWhereNothingIsNear) {
  std::vector<std::string> words = {"COPY", "ENV"};
  EXPECT_FALSE(Suggest("WORKDIR", words));
  EXPECT_FALSE(Suggest("COPY", words));
  EXPECT_FALSE(Suggest("XYZ", words));
  EXPECT_FALSE(Suggest("a", {}));
}

TEST(SuggestTest, TakesTheFirstOfEquals) {
  EXPECT_EQ("bat", Suggest("cat", {"bat", "hat"}));
}

TEST(SuggestTest, FormsAQuestion) {
  EXPECT_EQ(" (did you mean ENV?)", DidYouMean("ENVV", {"ENV"}));
  EXPECT_EQ("", DidYouMean("zzzzz", {"ENV"}));
}

}  // namespace
}  // namespace strake
