#include "oci/blob_store.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <thread>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::oci {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;
using testing::TempDir;

std::vector<std::string> Files(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory, error)) {
    names.push_back(entry.path().filename());
  }
  return names;
}

std::string Ingest(const TempDir& dir) { return dir.path(".strake/ingest"); }

TEST(BlobStoreTest, StoresAndReads) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path("deep/store"));
  ASSERT_TRUE(IsOk(store));
  auto blob = store->Put("content", "text/plain");
  ASSERT_TRUE(IsOk(blob));
  EXPECT_EQ("text/plain", blob->media_type);
  EXPECT_EQ(Digest::Of("content"), blob->digest);
  EXPECT_EQ(7u, blob->size_bytes);
  EXPECT_TRUE(store->Contains(blob->digest));
  EXPECT_EQ("content", *store->Read(blob->digest));
  EXPECT_EQ(7u, store->Stat(blob->digest)->size_bytes);
  EXPECT_EQ(dir.path("deep/store/blobs/sha256/") + blob->digest.Hex(),
            store->PathOf(blob->digest));
  auto source = store->Open(*blob);
  ASSERT_TRUE(IsOk(source));
  EXPECT_EQ("content", *ReadAll(**source, 100));
  EXPECT_TRUE(IsOk(store->OpenFd(blob->digest)));
}

TEST(BlobStoreTest, ReportsWhatIsMissing) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path());
  Digest digest = Digest::Of("x");
  EXPECT_FALSE(store->Contains(digest));
  EXPECT_TRUE(FailsWith(store->Stat(digest), ErrorCode::kNotFound, "no blob"));
  EXPECT_TRUE(FailsWith(store->Read(digest), ErrorCode::kNotFound));
  EXPECT_TRUE(FailsWith(store->OpenFd(digest), ErrorCode::kNotFound));
  EXPECT_TRUE(IsOk(store->Remove(digest)));
}

TEST(BlobStoreTest, PublishesOnlyWhatWasExpected) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path());
  {
    auto writer = *store->Create();
    ASSERT_TRUE(IsOk(writer->Write("content")));
    EXPECT_EQ(7u, writer->bytes_written());
    EXPECT_TRUE(FailsWith(writer->Commit(Digest::Of("other")),
                          ErrorCode::kCorrupt, "expected that digest"));
  }
  {
    auto writer = *store->Create();
    ASSERT_TRUE(IsOk(writer->Write("content")));
    EXPECT_TRUE(FailsWith(writer->Commit(Digest::Of("content"), 8),
                          ErrorCode::kCorrupt, "8 bytes"));
  }
  EXPECT_THAT(*store->List(), IsEmpty());
  EXPECT_THAT(Files(Ingest(dir)), IsEmpty());
}

TEST(BlobStoreTest, ADroppedWriterLeavesNothing) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path());
  {
    auto writer = *store->Create();
    ASSERT_TRUE(IsOk(writer->Write("content")));
    EXPECT_EQ(1u, Files(Ingest(dir)).size());
  }
  EXPECT_THAT(Files(Ingest(dir)), IsEmpty());
  EXPECT_THAT(*store->List(), IsEmpty());
}

TEST(BlobStoreTest, ListsInDigestOrder) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path());
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(IsOk(store->Put(std::to_string(i), "t")));
  }
  dir.Write("blobs/sha256/not-a-digest", "x");
  auto blobs = store->List();
  ASSERT_TRUE(IsOk(blobs));
  EXPECT_EQ(20u, blobs->size());
  EXPECT_TRUE(std::ranges::is_sorted(*blobs, {}, &BlobInfo::digest));
  ASSERT_TRUE(IsOk(store->Remove((*blobs)[3].digest)));
  EXPECT_EQ(19u, store->List()->size());
}

TEST(BlobStoreTest, ManyThreadsMayWriteTheSameBlob) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path());
  std::string content(300'000, 'c');
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] {
        for (int n = 0; n < 10; ++n) {
          EXPECT_TRUE(IsOk(store->Put(content + std::to_string(n), "t")));
          EXPECT_TRUE(store->Contains(Digest::Of(content + "0")));
        }
      });
    }
  }
  EXPECT_EQ(10u, store->List()->size());
  EXPECT_THAT(Files(Ingest(dir)), IsEmpty());
}

void Damage(const BlobStore& store, const Digest& digest) {
  int fd = ::open(store.PathOf(digest).c_str(), O_WRONLY);
  EXPECT_EQ(1, ::pwrite(fd, "X", 1, 0));
  ::close(fd);
}

// As after a reboot: what the boot before trusted counts no more.
void Reboot(const TempDir& dir) {
  for (const std::string& name : Files(dir.path(".strake"))) {
    if (!name.starts_with("trusted-")) continue;
    ASSERT_EQ(0, ::rename(dir.path(".strake/" + name).c_str(),
                          dir.path(".strake/trusted-earlier-boot").c_str()));
  }
}

TEST(BlobStoreTest, VerifiesWhatAnEarlierBootWrote) {
  TempDir dir;
  Descriptor good;
  Descriptor torn;
  {
    auto store = BlobStore::Open(dir.path());
    good = *store->Put("good", "t");
    torn = *store->Put("torn", "t");
    Damage(*store, torn.digest);
  }
  {
    // Within one boot the list is believed, also by other processes.
    auto store = BlobStore::Open(dir.path());
    EXPECT_TRUE(store->Contains(torn.digest));
  }
  Reboot(dir);
  auto store = BlobStore::Open(dir.path());
  EXPECT_TRUE(store->Contains(good.digest));
  EXPECT_FALSE(store->Contains(torn.digest));
  EXPECT_TRUE(FailsWith(store->Open(torn), ErrorCode::kCorrupt, "damaged"));
  EXPECT_TRUE(
      FailsWith(store->OpenFd(torn.digest), ErrorCode::kCorrupt, "damaged"));
  // Its right bytes replace it.
  EXPECT_TRUE(IsOk(store->Put("torn", "t")));
  EXPECT_EQ("torn", *store->Read(torn.digest));
  EXPECT_TRUE(store->Contains(torn.digest));
  EXPECT_FALSE(dir.Exists(".strake/trusted-earlier-boot"));
}

TEST(BlobStoreTest, ReadsADocumentOnlyIfItIsTheOnePromised) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path());
  Descriptor document = *store->Put("{}", "t");
  Damage(*store, document.digest);
  EXPECT_TRUE(FailsWith(store->Read(document.digest), ErrorCode::kCorrupt));
  EXPECT_TRUE(
      FailsWith(store->Read(document.digest, 1), ErrorCode::kInvalidArgument));
}

TEST(BlobStoreTest, ChecksTheDescriptorsSize) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path());
  Descriptor blob = *store->Put("content", "t");
  blob.size_bytes = 8;
  EXPECT_TRUE(FailsWith(store->Open(blob), ErrorCode::kCorrupt, "8 were"));
}

TEST(BlobStoreTest, LeavesNothingInALayoutThatItOnlyReads) {
  TempDir dir;
  dir.Write("blobs/sha256/" + Digest::Of("x").Hex(), "x");
  auto store = BlobStore::Open(dir.path());
  EXPECT_TRUE(store->Contains(Digest::Of("x")));
  EXPECT_THAT(Files(dir.path()), ElementsAre("blobs"));
}

TEST(BlobStoreTest, SkipsTornLinesOfTheTrustedList) {
  TempDir dir;
  Descriptor blob;
  {
    auto store = BlobStore::Open(dir.path());
    blob = *store->Put("x", "t");
  }
  std::string list;
  for (const std::string& name : Files(dir.path(".strake"))) {
    if (name.starts_with("trusted-")) list = ".strake/" + name;
  }
  ASSERT_FALSE(list.empty());
  dir.Write(list, "garbage\n\n" + dir.Read(list) + "abc");
  Damage(*BlobStore::Open(dir.path()), blob.digest);
  EXPECT_TRUE(BlobStore::Open(dir.path())->Contains(blob.digest));
}

TEST(BlobStoreTest, RemovesOnlyWhatDeadWritersLeft) {
  TempDir dir;
  auto store = BlobStore::Open(dir.path());
  auto living = *store->Create();
  ASSERT_TRUE(IsOk(living->Write("living")));
  pid_t child = ::fork();
  if (child == 0) {
    auto dead = store->Create();
    if (dead && (*dead)->Write("dead")) ::raise(SIGKILL);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(child, ::waitpid(child, &status, 0));
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(2u, Files(Ingest(dir)).size());
  ASSERT_TRUE(IsOk(store->RemoveAbandonedIngests()));
  EXPECT_EQ(1u, Files(Ingest(dir)).size());
  EXPECT_TRUE(IsOk(living->Commit()));
  EXPECT_EQ("living", *store->Read(Digest::Of("living")));
}

TEST(BlobStoreTest, ReportsAFullDiskAndLeavesNothing) {
  TempDir dir;
  if (::mount("tmpfs", dir.path().c_str(), "tmpfs", 0, "size=1m") != 0) {
    GTEST_SKIP() << "cannot mount a small tmpfs: needs root";
  }
  {
    auto store = BlobStore::Open(dir.path());
    ASSERT_TRUE(IsOk(store));
    auto writer = *store->Create();
    std::string much(4 << 20, 'm');
    EXPECT_TRUE(FailsWith(writer->Write(much), ErrorCode::kIo,
                          "No space left on device"));
    writer.reset();
    EXPECT_THAT(Files(Ingest(dir)), IsEmpty());
    EXPECT_TRUE(IsOk(store->Put("little", "t")));
  }
  EXPECT_EQ(0, ::umount(dir.path().c_str()));
}

}  // namespace
}  // namespace strake::oci
