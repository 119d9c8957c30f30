#include "util/file_copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tests/support/temp_dir.h"

namespace strake {
namespace {

struct stat StatOf(const std::string& path) {
  struct stat st = {};
  EXPECT_EQ(0, ::lstat(path.c_str(), &st)) << path;
  return st;
}

class FileCopyTest : public ::testing::Test {
 protected:
  Result<uint64_t> Copy(const std::string& from_path) {
    UniqueFd from(::open(from_path.c_str(), O_RDONLY | O_CLOEXEC));
    UniqueFd to(::open(scratch_.path("to").c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    return CopyFileContents(from.get(), to.get());
  }
  testing::TempDir scratch_;
};

TEST_F(FileCopyTest, CopiesContentOfAnySize) {
  for (size_t size : {size_t{0}, size_t{1}, size_t{65535}, size_t{65536},
                      size_t{65537}, size_t{3} << 20}) {
    std::string content(size, '\0');
    for (size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 + 1);
    scratch_.Write("from", content);
    auto copied = Copy(scratch_.path("from"));
    ASSERT_TRUE(copied) << copied.error().message();
    EXPECT_EQ(size, *copied);
    EXPECT_EQ(content, scratch_.Read("to"));
  }
}

TEST_F(FileCopyTest, CopiesBetweenFileSystems) {
  struct stat shm = StatOf("/dev/shm"), here = StatOf(scratch_.path());
  if (shm.st_dev == here.st_dev) GTEST_SKIP() << "/dev/shm is no other";
  std::string other = "/dev/shm/strake-file-copy-" + std::to_string(::getpid());
  std::string content(200000, 'x');
  {
    std::ofstream file(other, std::ios::binary);
    file << content;
  }
  auto copied = Copy(other);
  ::unlink(other.c_str());
  ASSERT_TRUE(copied) << copied.error().message();
  EXPECT_EQ(content, scratch_.Read("to"));
}

TEST_F(FileCopyTest, IgnoresFilePositions) {
  scratch_.Write("from", "0123456789");
  UniqueFd from(::open(scratch_.path("from").c_str(), O_RDONLY | O_CLOEXEC));
  UniqueFd to(::open(scratch_.path("to").c_str(),
                     O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(4, ::lseek(from.get(), 4, SEEK_SET));
  ASSERT_TRUE(CopyFileContents(from.get(), to.get()));
  EXPECT_EQ("0123456789", scratch_.Read("to"));
}

TEST_F(FileCopyTest, KeepsHoles) {
  constexpr off_t kSize = off_t{64} << 20;
  UniqueFd from(::open(scratch_.path("from").c_str(),
                       O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(0, ::ftruncate(from.get(), kSize));
  ASSERT_EQ(5, ::pwrite(from.get(), "hello", 5, off_t{20} << 20));
  if (StatOf(scratch_.path("from")).st_blocks * 512 > kSize / 2) {
    GTEST_SKIP() << "no sparse files here";
  }
  auto copied = Copy(scratch_.path("from"));
  ASSERT_TRUE(copied) << copied.error().message();
  struct stat st = StatOf(scratch_.path("to"));
  EXPECT_EQ(kSize, st.st_size);
  EXPECT_LT(st.st_blocks * 512, off_t{1} << 20);
  UniqueFd to(::open(scratch_.path("to").c_str(), O_RDONLY | O_CLOEXEC));
  char buffer[6] = {};
  ASSERT_EQ(5, ::pread(to.get(), buffer, 5, off_t{20} << 20));
  EXPECT_STREQ("hello", buffer);
}

TEST_F(FileCopyTest, AHoleAloneIsCopied) {
  UniqueFd from(::open(scratch_.path("from").c_str(),
                       O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(0, ::ftruncate(from.get(), 100000));
  ASSERT_TRUE(Copy(scratch_.path("from")));
  EXPECT_EQ(std::string(100000, '\0'), scratch_.Read("to"));
}

TEST_F(FileCopyTest, ReportsAFullDisk) {
  UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  scratch_.Write("from", std::string(100000, 'x'));
  UniqueFd from(::open(scratch_.path("from").c_str(), O_RDONLY | O_CLOEXEC));
  auto copied = CopyFileContents(from.get(), full.get());
  ASSERT_FALSE(copied);
  EXPECT_EQ("write: No space left on device", copied.error().message());
}

TEST_F(FileCopyTest, ReadsAndCopiesXattrs) {
  scratch_.Write("a", "");
  scratch_.Write("b", "");
  std::string large(2000, 'v');
  std::string binary("\0\1\xff", 3);
  ASSERT_TRUE(SetXattrAt(scratch_.fd(), "a", "user.large", large));
  ASSERT_TRUE(SetXattrAt(scratch_.fd(), "a", "user.binary", binary));
  ASSERT_TRUE(SetXattrAt(scratch_.fd(), "a", "user.empty", ""));
  Xattrs expected{
      {"user.binary", binary}, {"user.empty", ""}, {"user.large", large}};
  EXPECT_EQ(expected, *ReadXattrsAt(scratch_.fd(), "a"));
  UniqueFd a(::open(scratch_.path("a").c_str(), O_PATH | O_CLOEXEC));
  UniqueFd b(::open(scratch_.path("b").c_str(), O_RDWR | O_CLOEXEC));
  EXPECT_EQ(expected, *ReadXattrs(a.get()));
  ASSERT_TRUE(CopyXattrs(a.get(), b.get()));
  EXPECT_EQ(expected, *ReadXattrs(b.get()));
  auto missing = ReadXattrsAt(scratch_.fd(), "missing");
  ASSERT_FALSE(missing);
  EXPECT_EQ(ErrorCode::kNotFound, missing.error().code());
}

TEST_F(FileCopyTest, XattrsOfALinkAreItsOwn) {
  scratch_.Write("file", "");
  ASSERT_TRUE(SetXattrAt(scratch_.fd(), "file", "user.of_file", "x"));
  scratch_.Symlink("file", "link");
  EXPECT_TRUE(ReadXattrsAt(scratch_.fd(), "link")->empty());
  UniqueFd link(
      ::openat(scratch_.fd(), "link", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  auto xattrs = ReadXattrs(link.get());
  ASSERT_TRUE(xattrs) << xattrs.error().message();
  EXPECT_TRUE(xattrs->empty());
  // user.* cannot be had on symlinks, and must not land on the target.
  EXPECT_FALSE(SetXattrAt(scratch_.fd(), "link", "user.y", "x"));
  EXPECT_EQ(1u, ReadXattrsAt(scratch_.fd(), "file")->size());
}

TEST_F(FileCopyTest, TellsOfXattrsThatAreRefused) {
  scratch_.Write("a", "");
  scratch_.Symlink("a", "link");
  ASSERT_TRUE(SetXattrAt(scratch_.fd(), "a", "user.x", "1"));
  UniqueFd a(::open(scratch_.path("a").c_str(), O_RDONLY | O_CLOEXEC));
  UniqueFd link(
      ::openat(scratch_.fd(), "link", O_PATH | O_NOFOLLOW | O_CLOEXEC));
  EXPECT_FALSE(CopyXattrs(a.get(), link.get()));
  Xattrs refused;
  ASSERT_TRUE(CopyXattrs(a.get(), link.get(),
                         [&](const std::string& name, const std::string& v) {
                           refused[name] = v;
                         }));
  EXPECT_EQ((Xattrs{{"user.x", "1"}}), refused);
}

TEST_F(FileCopyTest, SetsAttributesInAnOrderThatKeepsThem) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  scratch_.Write("file", "");
  FileAttributes attributes;
  attributes.uid = 12;
  attributes.gid = 34;
  attributes.mode = 06751;
  attributes.set_mtime = true;
  attributes.mtime = {-5, 123456789};
  ASSERT_TRUE(SetAttributesAt(scratch_.fd(), "file", attributes));
  struct stat st = StatOf(scratch_.path("file"));
  EXPECT_EQ(12u, st.st_uid);
  EXPECT_EQ(34u, st.st_gid);
  EXPECT_EQ(06751u, st.st_mode & 07777u);
  EXPECT_EQ(-5, st.st_mtim.tv_sec);
  EXPECT_EQ(123456789, st.st_mtim.tv_nsec);
}

TEST_F(FileCopyTest, AttributesOfALinkAreItsOwn) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  scratch_.Write("file", "");
  scratch_.Symlink("file", "link");
  struct stat before = StatOf(scratch_.path("file"));
  FileAttributes attributes;
  attributes.uid = 12;
  attributes.mode = 0600;
  attributes.set_mtime = true;
  attributes.mtime = {1000, 0};
  ASSERT_TRUE(SetAttributesAt(scratch_.fd(), "link", attributes));
  struct stat after = StatOf(scratch_.path("file"));
  EXPECT_EQ(before.st_uid, after.st_uid);
  EXPECT_EQ(before.st_mode, after.st_mode);
  EXPECT_EQ(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
  EXPECT_EQ(12u, StatOf(scratch_.path("link")).st_uid);
  EXPECT_EQ(1000, StatOf(scratch_.path("link")).st_mtim.tv_sec);
}

}  // namespace
}  // namespace strake
