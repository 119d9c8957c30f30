#include "util/atomic_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/temp_dir.h"

namespace strake {
namespace {

size_t EntriesIn(const std::string& directory) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    static_cast<void>(entry);
    ++count;
  }
  return count;
}

TEST(AtomicFileTest, AppearsWholeAndAlone) {
  testing::TempDir dir;
  dir.Write("file", "old");
  auto file = AtomicFile::Create(dir.path("file"), {.mode = 0640});
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_EQ(3, ::write(file->fd(), "new", 3));
  EXPECT_EQ("old", dir.Read("file"));
  ASSERT_TRUE(file->Commit());
  EXPECT_EQ("new", dir.Read("file"));
  EXPECT_EQ(1u, EntriesIn(dir.path()));
  struct stat st;
  ASSERT_EQ(0, ::stat(dir.path("file").c_str(), &st));
  EXPECT_EQ(0640u, st.st_mode & 07777u);
}

TEST(AtomicFileTest, LeavesNothingWhenDropped) {
  testing::TempDir dir;
  {
    auto file = AtomicFile::Create(dir.path("file"));
    ASSERT_TRUE(file);
    AtomicFile moved = *std::move(file);
    EXPECT_EQ(1u, EntriesIn(dir.path()));
  }
  EXPECT_EQ(0u, EntriesIn(dir.path()));
}

TEST(AtomicFileTest, WritesContentSyncedOrNot) {
  testing::TempDir dir;
  ASSERT_TRUE(WriteFileAtomically(dir.path("a"), "one"));
  ASSERT_TRUE(WriteFileAtomically(dir.path("a"), "two", {.sync = true}));
  EXPECT_EQ("two", dir.Read("a"));
  auto failed = WriteFileAtomically(dir.path("no/such"), "x");
  ASSERT_FALSE(failed);
  EXPECT_EQ(ErrorCode::kNotFound, failed.error().code());
}

TEST(AtomicFileTest, ACommitThatFailsLeavesNothing) {
  testing::TempDir dir;
  dir.Write("target/inner", "");
  EXPECT_FALSE(WriteFileAtomically(dir.path("target"), "x"));
  EXPECT_EQ(1u, EntriesIn(dir.path()));
}

TEST(AtomicFileTest, RandomNamesDiffer) {
  EXPECT_NE(RandomName("x-"), RandomName("x-"));
  EXPECT_EQ(18u, RandomName("x-").size());
}

TEST(FileLockTest, ExcludesOthersUntilItIsDropped) {
  testing::TempDir dir;
  std::string path = dir.path("lock");
  using Mode = FileLock::Mode;
  {
    auto lock = FileLock::Acquire(path, Mode::kExclusive);
    ASSERT_TRUE(lock) << lock.error().message();
    EXPECT_FALSE(*FileLock::TryAcquire(path, Mode::kShared));
  }
  auto shared = FileLock::Acquire(path, Mode::kShared);
  ASSERT_TRUE(shared);
  EXPECT_TRUE(*FileLock::TryAcquire(path, Mode::kShared));
  EXPECT_FALSE(*FileLock::TryAcquire(path, Mode::kExclusive));
  EXPECT_TRUE(FileLock::Acquire(dir.path(), Mode::kExclusive));
  EXPECT_FALSE(FileLock::Acquire(dir.path("no/such"), Mode::kShared));
}

TEST(FileLockTest, EndsWithItsProcess) {
  testing::TempDir dir;
  std::string path = dir.path("lock");
  int ready[2];
  ASSERT_EQ(0, ::pipe2(ready, O_CLOEXEC));
  pid_t pid = ::fork();
  if (pid == 0) {
    auto lock = FileLock::Acquire(path, FileLock::Mode::kExclusive);
    char ok = lock ? 'y' : 'n';
    if (::write(ready[1], &ok, 1) != 1) ::_exit(1);
    ::pause();
    ::_exit(0);
  }
  char ok = 0;
  ASSERT_EQ(1, ::read(ready[0], &ok, 1));
  EXPECT_EQ('y', ok);
  EXPECT_FALSE(*FileLock::TryAcquire(path, FileLock::Mode::kExclusive));
  ::kill(pid, SIGKILL);
  int status;
  ASSERT_EQ(pid, ::waitpid(pid, &status, 0));
  EXPECT_TRUE(*FileLock::TryAcquire(path, FileLock::Mode::kExclusive));
  ::close(ready[0]);
  ::close(ready[1]);
}

}  // namespace
}  // namespace strake
