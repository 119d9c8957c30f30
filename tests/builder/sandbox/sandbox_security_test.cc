// What a step may not do.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "tests/builder/sandbox/test_root.h"

namespace strake::builder::sandbox {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class SandboxSecurityTest : public ::testing::Test {
 protected:
  void SetUp() override { SKIP_WITHOUT_SANDBOX(); }
  TestRoot root_;
};

constexpr char kShowCapabilities[] = "grep Cap /proc/self/status";

TEST_F(SandboxSecurityTest, RootHasDockersCapabilities) {
  EXPECT_EQ(Output(root_.Shell(kShowCapabilities)),
            "CapInh:\t0000000000000000\n"
            "CapPrm:\t00000000a80425fb\n"
            "CapEff:\t00000000a80425fb\n"
            "CapBnd:\t00000000a80425fb\n"
            "CapAmb:\t0000000000000000\n");
}

TEST_F(SandboxSecurityTest, OthersHaveNone) {
  ProcessSpec spec = root_.Shell(kShowCapabilities);
  spec.uid = 1000;
  EXPECT_EQ(Output(spec),
            "CapInh:\t0000000000000000\n"
            "CapPrm:\t0000000000000000\n"
            "CapEff:\t0000000000000000\n"
            "CapBnd:\t00000000a80425fb\n"
            "CapAmb:\t0000000000000000\n");
}

TEST_F(SandboxSecurityTest, AllowsSetIdPrograms) {
  EXPECT_THAT(Output(root_.Shell("grep NoNewPrivs /proc/self/status")),
              HasSubstr("\t0\n"));
  std::error_code error;
  std::filesystem::copy_file(root_.path("bin/busybox"),
                             root_.path("bin/busybox-suid"), error);
  ASSERT_FALSE(error);
  ASSERT_EQ(chmod(root_.path("bin/busybox-suid").c_str(), 04755), 0);
  ProcessSpec spec =
      root_.Shell("exec /bin/busybox-suid su -c 'id -u' root < /dev/null");
  spec.uid = 1000;
  spec.gid = 1000;
  root_.dir().Write("etc/passwd", "root::0:0::/:/bin/sh\n");
  EXPECT_EQ(MustRun(spec).out, "0\n");
}

TEST_F(SandboxSecurityTest, RefusesMounts) {
  const Ran ran = MustRun(root_.Shell("mount -t tmpfs none /tmp"));
  EXPECT_NE(ran.status.code, 0);
  EXPECT_THAT(ran.err, HasSubstr("permission denied"));
}

TEST_F(SandboxSecurityTest, RefusesNewUserNamespaces) {
  ProcessSpec spec = root_.Shell("unshare -U true; unshare -m true");
  for (const uint32_t uid : {0, 1000}) {
    spec.uid = uid;
    const Ran ran = MustRun(spec);
    EXPECT_NE(ran.status.code, 0);
    EXPECT_THAT(ran.err, HasSubstr("unshare(0x10000000): Operation not"));
  }
}

TEST_F(SandboxSecurityTest, AllowsWhatDockerAllows) {
  EXPECT_EQ(Output(root_.Shell("chown 1:2 /tmp && mknod /tmp/n c 1 3 && "
                               "chroot / echo fine")),
            "fine\n");
}

TEST_F(SandboxSecurityTest, HidesKernelInternals) {
  const Ran ran = MustRun(root_.Shell(
      "cat /proc/keys /proc/timer_list | wc -c; ls /sys/firmware; "
      "echo x > /proc/sys/kernel/hostname; echo x > /proc/sysrq-trigger; "
      "touch /sys/x"));
  EXPECT_EQ(ran.out, "0\n");
  EXPECT_THAT(ran.err, HasSubstr("kernel/hostname: Read-only file system"));
  EXPECT_THAT(ran.err, HasSubstr("sysrq-trigger"));
  EXPECT_THAT(ran.err, HasSubstr("/sys/x: Read-only file system"));
}

TEST_F(SandboxSecurityTest, ShowsNothingOfStrakeInProcessOne) {
  const Ran ran = MustRun(
      root_.Shell("cat /proc/1/cmdline; cat /proc/1/environ /proc/1/maps; "
                  "cat /proc/1/fd/*; cat /proc/1/root/etc/passwd; echo $PPID"));
  EXPECT_THAT(ran.out, HasSubstr("strake-init"));
  EXPECT_THAT(ran.out, Not(HasSubstr("sandbox_test")));
  EXPECT_THAT(ran.out, Not(HasSubstr("root:")));
  EXPECT_THAT(ran.out, ::testing::EndsWith("1\n"));
  for (const char* name : {"environ", "fd", "root"}) {
    EXPECT_THAT(ran.err, HasSubstr(std::string("/proc/1/") + name));
  }
}

TEST_F(SandboxSecurityTest, SeesOnlyItsOwnProcesses) {
  EXPECT_EQ(Output(root_.Shell("cd /proc; echo [0-9]*")), "1 2\n");
}

TEST_F(SandboxSecurityTest, InsecureKeepsEverything) {
  ProcessSpec spec = root_.Shell(
      "mount -t tmpfs none /tmp && grep CapEff /proc/self/status && "
      "touch /proc/sys/kernel/hostname && unshare -m true && "
      "grep Seccomp: /proc/self/status");
  spec.insecure = true;
  const std::string out = Output(spec);
  EXPECT_THAT(out, Not(HasSubstr("a80425fb")));
  EXPECT_THAT(out, HasSubstr("Seccomp:\t0"));
}

// A program of 32-bit x86 that makes system call `number` with arguments 0 and
// exits with its errno. Written out, as no compiler for it may be at hand.
std::string I386Program(uint8_t number) {
  const unsigned char code[] = {
      0xb8, number, 0, 0, 0,  // mov eax, number
      0x31, 0xdb,             // xor ebx, ebx
      0x31, 0xc9,             // xor ecx, ecx
      0x31, 0xd2,             // xor edx, edx
      0x31, 0xf6,             // xor esi, esi
      0x31, 0xff,             // xor edi, edi
      0xcd, 0x80,             // int 0x80
      0xf7, 0xd8,             // neg eax
      0x89, 0xc3,             // mov ebx, eax
      0xb8, 1,      0, 0, 0,  // mov eax, 1 (exit)
      0xcd, 0x80,             // int 0x80
  };
  const unsigned char header[] = {
      0x7f, 'E', 'L', 'F', 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,  // 32 bits
      2, 0, 3, 0, 1, 0, 0, 0,                    // executable, 386
      0x54, 0x80, 0x04, 0x08,                    // entry: behind the headers
      0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,     // program
                                                 // headers at
                                                 // 0x34
      0x34, 0, 0x20, 0, 1, 0, 0, 0, 0, 0, 0, 0,  // one of
                                                 // them
      1, 0, 0, 0, 0, 0, 0, 0,                    // load from 0
      0x00, 0x80, 0x04, 0x08, 0x00, 0x80, 0x04, 0x08,  // to 0x08048000
      0x00, 0x01, 0, 0, 0x00, 0x01, 0, 0,              // 256 bytes
      5, 0, 0, 0, 0, 0x10, 0, 0,                       // read, execute
  };
  std::string file(reinterpret_cast<const char*>(header), sizeof(header));
  file.append(reinterpret_cast<const char*>(code), sizeof(code));
  file.resize(256);
  return file;
}

TEST_F(SandboxSecurityTest, HasTheSameListForI386Programs) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "i386 programs run on x86-64 only";
#endif
  const auto run = [&](uint8_t number) {
    root_.dir().Write("bin/call", I386Program(number));
    chmod(root_.path("bin/call").c_str(), 0755);
    return TryRun(root_.Spec({"/bin/call"}));
  };
  Result<Ran> getpid = run(20);
  if (!getpid) GTEST_SKIP() << getpid.error().message();
  // -2 as seen by exit(2): process 2.
  EXPECT_EQ(getpid->status.code, 254);
  for (const uint8_t denied : {21, 52, 217, 128}) {  // mount, umount2, ...
    Result<Ran> ran = run(denied);
    ASSERT_TRUE(ran) << ran.error().message();
    EXPECT_EQ(ran->status.code, EPERM) << int{denied};
  }
}

}  // namespace
}  // namespace strake::builder::sandbox
