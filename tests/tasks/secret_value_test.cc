#include "tasks/file/secret_value.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/support/temp_dir.h"

namespace strake::tasks::file {
namespace {

using ::testing::HasSubstr;

class SecretValueTest : public ::testing::Test {
 protected:
  SecretValueTest() {
    secret_.id = "s";
    sources_.directory = scratch_.path();
    sources_.environment =
        [](const std::string& name) -> std::optional<std::string> {
      if (name == "SET") return "from the environment";
      return std::nullopt;
    };
  }
  std::string Value() {
    auto value = SecretValue(secret_, sources_);
    return value ? *value : "error: " + value.error().message();
  }

  strake::testing::TempDir scratch_;
  Secret secret_;
  SecretSources sources_;
};

TEST_F(SecretValueTest, AGivenValueComesFirst) {
  secret_.environment = "SET";
  sources_.given["s"] = "given";
  EXPECT_EQ(Value(), "given");
}

TEST_F(SecretValueTest, AVariableHasIt) {
  secret_.environment = "SET";
  EXPECT_EQ(Value(), "from the environment");
  secret_.environment = "UNSET";
  EXPECT_EQ(Value(),
            "error: secret \"s\": the environment variable UNSET is not set");
}

TEST_F(SecretValueTest, AFileHasItByteForByte) {
  scratch_.Write("value", "a\nb\n");
  secret_.path = "value";
  EXPECT_EQ(Value(), "a\nb\n");
  secret_.path = scratch_.path("value");
  EXPECT_EQ(Value(), "a\nb\n");
  secret_.path = "none";
  EXPECT_THAT(Value(), HasSubstr("secret \"s\": "));
}

TEST_F(SecretValueTest, AProgramPrintsIt) {
  scratch_.Write("value", "x");
  secret_.program = {"sh", "-c", "cat value; echo; echo"};
  EXPECT_EQ(Value(), "x\n");
}

TEST_F(SecretValueTest, AProgramThatFailsSaysWhy) {
  secret_.program = {"sh", "-c", "echo locked >&2; exit 3"};
  EXPECT_EQ(Value(), "error: secret \"s\": sh exited with 3: locked");
}

TEST_F(SecretValueTest, AVaultIsNotAsked) {
  secret_.keyvault = "https://vault.example/secrets/s";
  EXPECT_THAT(Value(), HasSubstr("--secret id=s"));
}

}  // namespace
}  // namespace strake::tasks::file
