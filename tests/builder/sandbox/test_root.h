// A small root file system (busybox) and a way to run things in it.

#ifndef STRAKE_TESTS_BUILDER_SANDBOX_TEST_ROOT_H_
#define STRAKE_TESTS_BUILDER_SANDBOX_TEST_ROOT_H_

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "builder/sandbox/namespace_sandbox.h"
#include "builder/sandbox/probe_sandbox.h"
#include "tests/support/temp_dir.h"

namespace strake::builder::sandbox {

// Why the tests of this file cannot run here; empty if they can. Found out in a
// child, as `EnterUserNamespace` would change this process.
inline std::string WhyNotRoot() {
  if (geteuid() != 0) return "needs root";
  if (access("/bin/busybox", X_OK) != 0 &&
      access("/usr/bin/busybox", X_OK) != 0) {
    return "needs busybox-static";
  }
  ProcessPrivileges root;
  root.privilege = Privilege::kRoot;
  SandboxChoice choice = ProbeSandbox(root);
  return choice.sandbox->name() == "none" ? choice.reason : "";
}

#define SKIP_WITHOUT_SANDBOX()                          \
  do {                                                  \
    if (std::string why = WhyNotRoot(); !why.empty()) { \
      GTEST_SKIP() << why;                              \
    }                                                   \
  } while (false)

class TestRoot {
 public:
  TestRoot() {
    dir_.MakeDir("bin");
    dir_.MakeDir("etc");
    dir_.MakeDir("tmp");
    chmod(dir_.path().c_str(), 0755);
    chmod(path("tmp").c_str(), 01777);
    const std::string busybox =
        access("/bin/busybox", X_OK) == 0 ? "/bin/busybox" : "/usr/bin/busybox";
    std::error_code error;
    std::filesystem::copy_file(busybox, path("bin/busybox"), error);
    EXPECT_FALSE(error) << error.message();
    for (const char* applet :
         {"sh",     "cat",   "ls",    "id",       "echo",  "seq",   "ps",
          "sleep",  "env",   "pwd",   "hostname", "mount", "touch", "mkdir",
          "rm",     "head",  "wc",    "stat",     "true",  "false", "kill",
          "setsid", "dd",    "ip",    "unshare",  "grep",  "chmod", "readlink",
          "umount", "chown", "mknod", "df",       "su",    "chroot"}) {
      EXPECT_EQ(symlink("busybox", path(std::string("bin/") + applet).c_str()),
                0);
    }
    dir_.Write("etc/passwd", "root:x:0:0::/:/bin/sh\nuser:x:1000:1000::/:\n");
    dir_.Write("etc/group", "root:x:0:\nuser:x:1000:\nextra:x:44:\n");
  }

  std::string path(std::string_view name = "") const {
    return name.empty() ? dir_.path() : dir_.path(name);
  }
  const testing::TempDir& dir() const { return dir_; }

  ProcessSpec Spec(std::vector<std::string> argv) const {
    ProcessSpec spec;
    spec.argv = std::move(argv);
    spec.env = {"PATH=/bin"};
    spec.root.path = path();
    return spec;
  }
  ProcessSpec Shell(std::string script) const {
    return Spec({"sh", "-c", std::move(script)});
  }

 private:
  testing::TempDir dir_;
};

struct Ran {
  ExitStatus status;
  std::string out;
  std::string err;
};

inline Result<Ran> TryRun(const ProcessSpec& spec, std::stop_token stop = {}) {
  NamespaceSandbox sandbox("overlay-root");
  Ran ran;
  const auto collect = [&](Stream stream, std::string_view text) {
    (stream == Stream::kStdout ? ran.out : ran.err) += text;
  };
  Result<ExitStatus> status = sandbox.Run(spec, collect, stop);
  if (!status) return std::move(status).error();
  ran.status = *status;
  return ran;
}

// Runs `spec`; failing to start it is a test failure.
inline Ran MustRun(const ProcessSpec& spec) {
  Result<Ran> ran = TryRun(spec);
  if (!ran) {
    ADD_FAILURE() << ran.error().message();
    return {};
  }
  return std::move(ran).value();
}

// The standard output of a script that must succeed.
inline std::string Output(const ProcessSpec& spec) {
  Ran ran = MustRun(spec);
  EXPECT_EQ(ran.status.ShellCode(), 0) << ran.out << ran.err;
  EXPECT_EQ(ran.err, "");
  return ran.out;
}

}  // namespace strake::builder::sandbox

#endif  // STRAKE_TESTS_BUILDER_SANDBOX_TEST_ROOT_H_
