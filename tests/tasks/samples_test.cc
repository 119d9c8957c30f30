// Whole task files, as people write them: each is read, with the values beside
// it, and has the steps and edges that `expected` says, or its error.

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tasks/file/task_file.h"
#include "tasks/file/values.h"
#include "tests/support/golden.h"
#include "util/byte_stream.h"

namespace strake::tasks::file {
namespace {

const char kFolder[] = "tasks/samples";

std::string TextOf(const std::string& path) {
  auto text = ReadFile(path);
  EXPECT_TRUE(text) << text.error().message();
  return text ? *text : "";
}

TaskSource SourceOf(const std::string& directory) {
  TaskSource source;
  source.text = TextOf(directory + "/task.yaml");
  source.file = "task.yaml";
  source.directory = directory;
  source.run.id = "ca7";
  source.run.registry = "registry.example";
  source.run.shared_volume = "shared";
  source.run.date = "20260102-030405z";
  std::string values = directory + "/values.yaml";
  if (!std::filesystem::exists(values)) return source;
  auto read = ReadValues(TextOf(values), values);
  EXPECT_TRUE(read) << read.error().message();
  if (read) source.values = *read;
  return source;
}

std::string Print(const Task& task) {
  std::string text;
  for (const Step& step : task.steps) {
    text += step.id + " [" + std::string(KindName(step.kind)) + "]";
    for (size_t before : step.after) text += " <- " + task.steps[before].id;
    text += "\n";
    if (!step.cmd.empty()) text += "  " + step.cmd + "\n";
    if (!step.build.empty()) text += "  " + step.build + "\n";
    for (const std::string& image : step.push) text += "  " + image + "\n";
    for (const std::string& entry : step.env) text += "  env " + entry + "\n";
  }
  return text;
}

class SamplesTest : public ::testing::TestWithParam<std::string> {};

TEST_P(SamplesTest, IsReadAsExpected) {
  std::string directory = strake::testing::GoldenPath(kFolder, GetParam());
  auto read = ReadTaskFile(SourceOf(directory));
  strake::testing::CompareWithGolden(
      directory,
      read ? Print(read->task) : "error: " + read.error().message() + "\n");
}

INSTANTIATE_TEST_SUITE_P(
    Golden, SamplesTest,
    ::testing::ValuesIn(strake::testing::GoldenCases(kFolder)),
    strake::testing::GoldenName);

// What no graph shows.
Task Sample(const std::string& name) {
  auto read =
      ReadTaskFile(SourceOf(strake::testing::GoldenPath(kFolder, name)));
  EXPECT_TRUE(read) << read.error().message();
  return read ? read->task : Task();
}

TEST(SamplePropertiesTest, DelaysNetworksAndCachesAreAsWritten) {
  Task task = Sample("fan-out");
  EXPECT_EQ(task.steps[0].retry_delay, std::chrono::seconds(90));
  EXPECT_EQ(task.steps[1].retry_delay, std::chrono::seconds(5));
  EXPECT_EQ(task.steps[5].network, "host");
  EXPECT_EQ(task.steps[6].network, "acb_default_network");
  Task cached = Sample("cached-builds");
  EXPECT_TRUE(cached.steps[2].cache_enabled);
  EXPECT_FALSE(cached.steps[3].cache_enabled);
}

TEST(SamplePropertiesTest, AliasesThatDoTheSameGiveTheSame) {
  std::string plain = Print(Sample("alias-plain"));
  for (const char* name : {"alias-unused", "alias-directive", "alias-lines"}) {
    EXPECT_EQ(Print(Sample(name)), plain) << name;
  }
}

TEST(SamplePropertiesTest, SecretsAreFilesOfVolumes) {
  Task task = Sample("mounts-two-steps");
  EXPECT_EQ(task.volumes[0].files.at("user.txt"), "c29tZWJvZHk=");
  EXPECT_EQ(task.steps[1].volume_mounts[1].path, "/b");
  EXPECT_EQ(Sample("mounts-values").volumes[0].files.at("token"), "c2VzYW1l");
  EXPECT_EQ(Sample("managed-identities").secrets[0].keyvault,
            "https://vault.example/secrets/user");
}

}  // namespace
}  // namespace strake::tasks::file
