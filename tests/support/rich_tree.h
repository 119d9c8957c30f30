// A tree with one of everything that a layer can hold.

#ifndef STRAKE_TESTS_SUPPORT_RICH_TREE_H_
#define STRAKE_TESTS_SUPPORT_RICH_TREE_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <string>

#include "tests/support/temp_dir.h"

namespace strake::testing {

inline void SetMtime(const TempDir& dir, const std::string& name,
                     int64_t seconds, long nanoseconds) {
  timespec times[2] = {};
  times[0].tv_nsec = UTIME_OMIT;
  times[1].tv_sec = seconds;
  times[1].tv_nsec = nanoseconds;
  EXPECT_EQ(0, ::utimensat(dir.fd(), name.c_str(), times, AT_SYMLINK_NOFOLLOW))
      << name;
}

// cap_net_raw+ep, as setcap(8) stores it.
inline std::string NetRawCapability() {
  return std::string("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
}

// Needs root, for owners, devices and capabilities.
inline void MakeRichTree(const TempDir& dir) {
  dir.Write("plain", "hello\n");
  dir.Write("empty", "");
  dir.Write("bin/setuid", "#!/bin/sh\n");
  EXPECT_EQ(0, ::chown(dir.path("bin/setuid").c_str(), 12, 34));
  EXPECT_EQ(0, ::chmod(dir.path("bin/setuid").c_str(), 06755));
  dir.Write("bin/capable", "x");
  EXPECT_EQ(
      0, ::setxattr(dir.path("bin/capable").c_str(), "security.capability",
                    NetRawCapability().data(), NetRawCapability().size(), 0));
  EXPECT_EQ(0, ::setxattr(dir.path("bin/capable").c_str(), "user.note",
                          "a\0b\nc", 5, 0));
  dir.MakeDir("tmp");
  EXPECT_EQ(0, ::chmod(dir.path("tmp").c_str(), 01777));
  EXPECT_EQ(0, ::setxattr(dir.path("tmp").c_str(), "user.dir", "d", 1, 0));
  dir.MakeDir("closed");
  dir.Write("closed/inside", "i");
  EXPECT_EQ(0, ::chmod(dir.path("closed").c_str(), 0500));
  dir.Symlink("/etc/absolute", "absolute-link");
  dir.Symlink(std::string(3000, 'l'), "long-link");
  dir.Symlink("gr\xc3\xbc\xc3\x9f", "link-to-umlaut");
  EXPECT_EQ(0, ::lchown(dir.path("absolute-link").c_str(), 7, 8));
  dir.Write("gr\xc3\xbc\xc3\x9f", "umlaut");
  dir.Write("nfd-e\xcc\x81", "decomposed");
  dir.Write("not-utf8-\xff\xfe", "bytes");
  dir.Write("new\nline and space", "n");
  std::string deep = "deep";
  for (int i = 0; i < 40; ++i) deep += "/component-" + std::to_string(i);
  dir.Write(deep + "/file", "down here");
  dir.Write(std::string(255, 'n'), "long name");
  dir.Write("hard/one", "shared");
  EXPECT_EQ(0,
            ::link(dir.path("hard/one").c_str(), dir.path("hard/two").c_str()));
  EXPECT_EQ(0,
            ::link(dir.path("hard/one").c_str(), dir.path("a-link").c_str()));
  dir.MakeDir("dev");
  EXPECT_EQ(
      0, ::mknod(dir.path("dev/null").c_str(), S_IFCHR | 0666, makedev(1, 3)));
  EXPECT_EQ(0, ::mknod(dir.path("dev/big").c_str(), S_IFBLK | 0600,
                       makedev(4095, 1048575)));
  EXPECT_EQ(0, ::mkfifo(dir.path("dev/fifo").c_str(), 0640));
  dir.Write("big-ids", "b");
  EXPECT_EQ(
      0, ::chown(dir.path("big-ids").c_str(), 4'000'000'000u, 3'000'000'000u));
  // A hole, data, a hole at the end.
  dir.Write("sparse", "");
  int fd = ::open(dir.path("sparse").c_str(), O_WRONLY);
  EXPECT_EQ(4, ::pwrite(fd, "data", 4, 1 << 20));
  EXPECT_EQ(0, ::ftruncate(fd, 3 << 20));
  ::close(fd);

  SetMtime(dir, "plain", 1'700'000'000, 123'456'789);
  SetMtime(dir, "empty", -2, 250'000'000);
  SetMtime(dir, "bin/setuid", -1, 500'000'000);
  SetMtime(dir, "big-ids", -1'000'000'000, 0);
  SetMtime(dir, "absolute-link", 5, 1);
  SetMtime(dir, "dev/null", 1'500'000'000, 5'000);
  SetMtime(dir, "sparse", 4'000'000'000, 0);
  SetMtime(dir, "tmp", 1'600'000'000, 900'000'000);
  SetMtime(dir, "closed", 1'600'000'001, 0);
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_RICH_TREE_H_
