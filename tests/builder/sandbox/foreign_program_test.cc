#include "builder/sandbox/foreign_program.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "builder/sandbox/emulators.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::sandbox {
namespace {

using strake::testing::TempDir;

// A machine that is not this one.
const Machine& Foreign() {
  return *std::ranges::find_if(
      Machines(), [](const Machine& machine) { return !IsNative(machine); });
}

class FindForeignProgramTest : public ::testing::Test {
 protected:
  FindForeignProgramTest() {
    root_.MakeDir("bin");
    spec_.root.path = root_.path("");
    spec_.env = {"PATH=/bin"};
  }
  void Write(const std::string& path, const std::string& content) {
    std::ofstream(root_.path(path)) << content;
    ::chmod(root_.path(path).c_str(), 0755);
  }
  void WriteProgram(const std::string& path, const Machine& machine) {
    auto header = ElfHeader(machine);
    Write(path, std::string(header.begin(), header.end()));
  }
  std::optional<ForeignProgram> Find(const std::string& program) {
    spec_.argv = {program};
    return FindForeignProgram(spec_);
  }

  TempDir root_;
  ProcessSpec spec_;
};

TEST_F(FindForeignProgramTest, KnowsItByItsHeader) {
  WriteProgram("bin/tool", Foreign());
  auto found = Find("tool");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, "/bin/tool");
  EXPECT_EQ(found->machine, &Foreign());
}

TEST_F(FindForeignProgramTest, LeavesProgramsOfThisMachineAlone) {
  if (OwnMachine() == nullptr) GTEST_SKIP() << "an unknown machine";
  WriteProgram("bin/tool", *OwnMachine());
  EXPECT_FALSE(Find("/bin/tool"));
  EXPECT_FALSE(Find("no-such-tool"));
}

TEST_F(FindForeignProgramTest, FollowsScripts) {
  WriteProgram("bin/sh", Foreign());
  Write("bin/one", "#!/bin/sh -e\n");
  Write("bin/two", "#! /bin/one\n");
  auto found = Find("two");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, "/bin/sh");
}

TEST_F(FindForeignProgramTest, EndsWithScriptsThatNameEachOther) {
  Write("bin/a", "#!/bin/b\n");
  Write("bin/b", "#!/bin/a\n");
  EXPECT_FALSE(Find("a"));
}

TEST_F(FindForeignProgramTest, TakesRelativePathsFromTheWorkingDirectory) {
  root_.MakeDir("work");
  WriteProgram("work/tool", Foreign());
  spec_.cwd = "/work";
  auto found = Find("./tool");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->path, "/work/./tool");
}

TEST(RegistrationLineTest, IsAsTheKernelReadsIt) {
  auto machine = std::ranges::find(Machines(), std::string_view("arm64"),
                                   &Machine::architecture);
  EXPECT_EQ(RegistrationLine(*machine, "/usr/bin/qemu"),
            ":strake-aarch64:M::"
            "\\x7f\\x45\\x4c\\x46\\x02\\x01\\x01\\x00\\x00\\x00"
            "\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\xb7\\x00:"
            "\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\x00\\x00"
            "\\x00\\x00\\x00\\x00\\x00\\x00\\xfe\\xff\\xff\\xff:"
            "/usr/bin/qemu:PCF");
}

TEST(RegistrationLineTest, KnowsTheOtherByteOrder) {
  auto machine = std::ranges::find(Machines(), std::string_view("s390x"),
                                   &Machine::architecture);
  std::string line = RegistrationLine(*machine, "/q");
  EXPECT_NE(line.find("\\x00\\x02\\x00\\x16:"), std::string::npos) << line;
  EXPECT_NE(line.find("\\xff\\xfe\\xff\\xff:/q"), std::string::npos) << line;
}

}  // namespace
}  // namespace strake::builder::sandbox
