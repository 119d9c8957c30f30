// What the scripts offer, asked of the shells themselves.

#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "util/strings.h"

namespace strake::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsSupersetOf;
using testing::Not;

bool HasShell(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

std::string Output(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  char buffer[4096];
  while (size_t count = fread(buffer, 1, sizeof buffer, pipe)) {
    output.append(buffer, count);
  }
  pclose(pipe);
  return output;
}

class CompletionTest : public testing::Test {
 protected:
  CompletionTest()
      : script_(testing::TempDir() + "strake_completion." +
                std::to_string(getpid())) {}
  ~CompletionTest() override { std::filesystem::remove(script_); }

  // Syntax check of a script by its shell; "" is good.
  std::string Check(const std::string& shell, const std::string& text) {
    std::ofstream(script_) << text;
    return Output(shell + " -n " + script_ + " 2>&1");
  }

  std::string script_;
};

class BashCompletionTest : public CompletionTest {
 protected:
  void SetUp() override {
    if (!HasShell("bash")) GTEST_SKIP() << "bash is not installed";
    std::ofstream(script_) << BashCompletion();
  }
  // What a Tab after `line` offers. The words are split as readline does it,
  // at ":" and "=" too.
  std::vector<std::string> Complete(const std::string& line) {
    std::string program = R"(
      strake() { printf '%s\n' app:1 app:2 localhost:5000/x:1; }
      source ')" + script_ +
                          R"('
      COMP_LINE=')" + line +
                          R"('
      COMP_POINT=${#COMP_LINE}
      spaced=${COMP_LINE//:/ : }
      spaced=${spaced//=/ = }
      read -ra COMP_WORDS <<<"$spaced"
      [[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
      COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
      _strake
      printf '%s\n' "${COMPREPLY[@]}")";
    std::ofstream(script_ + ".run") << program;
    std::string text = Output("bash " + script_ + ".run 2>&1");
    std::filesystem::remove(script_ + ".run");
    std::vector<std::string> words;
    for (std::string_view word : Split(text, '\n')) {
      if (!word.empty()) words.emplace_back(word);
    }
    return words;
  }
};

TEST_F(BashCompletionTest, OffersCommands) {
  EXPECT_THAT(Complete("strake bu"), IsSupersetOf({"build", "builder"}));
  EXPECT_THAT(Complete("strake "),
              IsSupersetOf({"build", "run", "registry", "image", "help"}));
  EXPECT_THAT(Complete("strake registry "), ElementsAre("serve"));
  EXPECT_THAT(Complete("strake image l"), ElementsAre("ls"));
}

TEST_F(BashCompletionTest, OffersOptionsAndTheirValues) {
  EXPECT_THAT(Complete("strake build --no-c"),
              ElementsAre("--no-cache", "--no-cache-filter"));
  EXPECT_THAT(Complete("strake build --progress "),
              ElementsAre("auto", "tty", "plain", "quiet", "rawjson"));
  EXPECT_THAT(Complete("strake build --progress=p"), ElementsAre("plain"));
  EXPECT_THAT(Complete("strake build --progress="),
              ElementsAre("auto", "tty", "plain", "quiet", "rawjson"));
  EXPECT_THAT(Complete("strake registry serve --read"),
              ElementsAre("--read-only"));
  EXPECT_THAT(Complete("strake completion f"), ElementsAre("fish"));
}

TEST_F(BashCompletionTest, DoesNotOfferWhatIsNotSupported) {
  EXPECT_THAT(Complete("strake build --cgroup-p"), testing::IsEmpty());
}

TEST_F(BashCompletionTest, OffersImagesThroughColons) {
  EXPECT_THAT(Complete("strake run ap"), ElementsAre("app:1", "app:2"));
  EXPECT_THAT(Complete("strake run app:"), ElementsAre("1", "2"));
  EXPECT_THAT(Complete("strake push localhost:5"), ElementsAre("5000/x:1"));
}

TEST_F(BashCompletionTest, OffersFolders) {
  EXPECT_THAT(Complete("strake build /et"), ElementsAre("/etc"));
}

TEST_F(CompletionTest, EveryScriptNamesEveryCommand) {
  for (const std::string& script :
       {BashCompletion(), ZshCompletion(), FishCompletion()}) {
    for (const CommandEntry& entry : Commands()) {
      std::string name(entry.name.substr(entry.name.rfind(' ') + 1));
      EXPECT_THAT(script, HasSubstr(name));
    }
    EXPECT_THAT(script, Not(HasSubstr("cgroup-parent")));
  }
}

TEST_F(CompletionTest, ZshAcceptsItsScript) {
  if (!HasShell("zsh")) GTEST_SKIP() << "zsh is not installed";
  EXPECT_EQ(Check("zsh", ZshCompletion()), "");
}

TEST_F(CompletionTest, FishAcceptsItsScript) {
  if (!HasShell("fish")) GTEST_SKIP() << "fish is not installed";
  EXPECT_EQ(Check("fish", FishCompletion()), "");
}

TEST_F(CompletionTest, FishOffersCommandsOptionsAndValues) {
  if (!HasShell("fish")) GTEST_SKIP() << "fish is not installed";
  std::ofstream(script_) << FishCompletion();
  auto complete = [&](const std::string& line) {
    return Output("fish --no-config -c \"source " + script_ +
                  "; complete -C '" + line + "'\" 2>&1");
  };
  EXPECT_THAT(complete("strake bui"), HasSubstr("build"));
  EXPECT_THAT(complete("strake build --progress pl"), HasSubstr("plain"));
  EXPECT_THAT(complete("strake registry se"), HasSubstr("serve"));
  EXPECT_THAT(complete("strake registry serve --read"),
              HasSubstr("--read-only"));
}

}  // namespace
}  // namespace strake::cli
