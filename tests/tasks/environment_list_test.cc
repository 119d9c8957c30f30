#include "tasks/file/environment_list.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace strake::tasks::file {
namespace {

using Entries = std::vector<std::string>;

struct Merge {
  std::string name;
  Entries step;
  Entries task;
  Entries merged;
};

class MergeEnvironmentTest : public ::testing::TestWithParam<Merge> {};

TEST_P(MergeEnvironmentTest, Merges) {
  auto merged = MergeEnvironment(GetParam().step, GetParam().task);
  ASSERT_TRUE(merged) << merged.error().message();
  EXPECT_EQ(*merged, GetParam().merged);
}

INSTANTIATE_TEST_SUITE_P(
    Table, MergeEnvironmentTest,
    ::testing::Values(
        Merge{"Nothing", {}, {}, {}}, Merge{"OfTheStep", {"A=1"}, {}, {"A=1"}},
        Merge{"OfTheTask", {}, {"A=1", "B=2"}, {"A=1", "B=2"}},
        Merge{"TheStepComesFirst", {"B=2"}, {"A=1"}, {"B=2", "A=1"}},
        Merge{"TheStepWins", {"A=2"}, {"A=1", "B=3"}, {"A=2", "B=3"}},
        Merge{"TheTaskIsSplitAtCommas",
              {"A=1,2"},
              {"B=1,C=2", "D=3"},
              {"A=1,2", "B=1", "C=2", "D=3"}},
        Merge{"ValuesMayHaveAnEqualsSign",
              {"A=b=c"},
              {"D=e=f"},
              {"A=b=c", "D=e=f"}},
        Merge{"ValuesMayBeEmpty", {"A="}, {"B="}, {"A=", "B="}},
        Merge{"ANameAloneIsOfTheHost", {"HOME"}, {}, {"HOME"}}),
    [](const auto& test) { return test.param.name; });

TEST(MergeEnvironmentErrorTest, AnEntryOfAStepNeedsAValueBesideATask) {
  auto merged = MergeEnvironment({"HOME"}, {"A=1"});
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().message(),
            "cannot parse step environment variable HOME correctly");
}

TEST(MergeEnvironmentErrorTest, EachPieceOfATaskNeedsAValue) {
  auto merged = MergeEnvironment({}, {"A=1,2"});
  ASSERT_FALSE(merged);
  EXPECT_EQ(merged.error().message(),
            "cannot parse task environment variable 2 correctly");
}

}  // namespace
}  // namespace strake::tasks::file
