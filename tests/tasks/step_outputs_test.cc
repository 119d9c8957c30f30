#include "tasks/run/step_outputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace strake::tasks::run {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(StepOutputsTest, ReadsLinesAndBlocks) {
  auto outputs =
      ParseOutputs("a=1\n\nb=x=y << z\nc<<END\none\n two\nEND\na=2\nempty=\n");
  ASSERT_TRUE(outputs) << outputs.error().message();
  EXPECT_THAT(*outputs, ElementsAre(Pair("a", "2"), Pair("b", "x=y << z"),
                                    Pair("c", "one\n two"), Pair("empty", "")));
}

TEST(StepOutputsTest, NamesTheLineThatIsWrong) {
  auto error = [](const std::string& text) {
    auto outputs = ParseOutputs(text);
    return outputs ? "" : outputs.error().message();
  };
  EXPECT_EQ(error("a=1\nb\n"), "line 2: expected KEY=VALUE, found \"b\"");
  EXPECT_EQ(error("a b=1"),
            "line 1: \"a b\": a key is made of letters, digits, \"_\" and "
            "\"-\"");
  EXPECT_EQ(error("a<<E\nx\n"),
            "line 1: there is no line \"E\" to end the value");
}

}  // namespace
}  // namespace strake::tasks::run
