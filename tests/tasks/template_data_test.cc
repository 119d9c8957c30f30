#include "tasks/file/template_data.h"

#include <gtest/gtest.h>

#include <string>

#include "util/json.h"

namespace strake::tasks::file {
namespace {

nlohmann::json Data(const std::string& values, const LateData* late = nullptr) {
  RunFacts run;
  run.id = "ca1";
  run.registry = "team.registry.example:5000";
  auto text = TemplateData(run, values, {{"a-b", "secret"}}, late);
  EXPECT_TRUE(text) << text.error().message();
  auto json = text ? ParseJson(*text) : ParseJson("{}");
  return json ? *json : nlohmann::json();
}

TEST(TemplateDataTest, FactsOfTheRunAreThere) {
  nlohmann::json data = Data(R"({"x": {"y": 1}})");
  EXPECT_EQ(data["Run"]["ID"], "ca1");
  EXPECT_EQ(data["Run"]["RegistryName"], "team");
  EXPECT_EQ(data["Run"]["OS"], "linux");
  EXPECT_EQ(data["Build"]["ID"], "ca1");
  EXPECT_EQ(data["Values"]["x"]["y"], 1);
  EXPECT_EQ(data["Secrets"]["a-b"], "secret");
  EXPECT_FALSE(data.contains("Steps"));
}

TEST(TemplateDataTest, JsonIsAWordOfAShell) {
  nlohmann::json data = Data(R"({"b": "it's", "a": "<&>"})");
  EXPECT_EQ(data["ValuesJSON"],
            "'{\"a\":\"\\u003c\\u0026\\u003e\",\"b\":\"it'\"'\"'s\"}'");
  EXPECT_EQ(Data("{}")["ValuesJSON"], "'{}'");
}

TEST(TemplateDataTest, StepsComeLate) {
  LateData late{R"({"one": {"ExitCode": 0}})", {{"arch", "amd64"}}};
  nlohmann::json data = Data("{}", &late);
  EXPECT_EQ(data["Steps"]["one"]["ExitCode"], 0);
  EXPECT_EQ(data["Matrix"]["arch"], "amd64");
}

TEST(TemplateDataTest, ValuesAreAnObject) {
  EXPECT_FALSE(TemplateData({}, "[]", {}));
  EXPECT_FALSE(TemplateData({}, "{", {}));
}

TEST(ShellQuoteTest, WhatIsHarmlessStaysAsItIs) {
  EXPECT_EQ(ShellQuote("a_Z0"), "a_Z0");
  EXPECT_EQ(ShellQuote("^@=+%,:./-"), "^@=+%,:./-");
  EXPECT_EQ(ShellQuote("k=v"), "k=v");
  EXPECT_EQ(ShellQuote(""), "''");
  EXPECT_EQ(ShellQuote("a b"), "'a b'");
  EXPECT_EQ(ShellQuote("$x"), "'$x'");
  EXPECT_EQ(ShellQuote("it's"), "'it'\"'\"'s'");
  EXPECT_EQ(ShellQuote("\xC3\xBC"), "'\xC3\xBC'");
}

}  // namespace
}  // namespace strake::tasks::file
