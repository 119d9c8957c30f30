#include "oci/copy_blob.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::oci {
namespace {

using testing::FailsWith;
using testing::IsOk;
using testing::TempDir;

class CopyBlobTest : public ::testing::Test {
 protected:
  ino_t Inode(const BlobStore& store) const {
    struct stat status = {};
    return ::stat(store.PathOf(blob_.digest).c_str(), &status) == 0
               ? status.st_ino
               : 0;
  }

  TempDir dir_;
  BlobStore from_ = *BlobStore::Open(dir_.path("from"));
  BlobStore to_ = *BlobStore::Open(dir_.path("to"));
  Descriptor blob_ = *from_.Put("content", "text/plain");
};

TEST_F(CopyBlobTest, CopiesTheBytes) {
  ASSERT_TRUE(IsOk(CopyBlob(blob_, from_, to_)));
  EXPECT_EQ("content", *to_.Read(blob_.digest));
  EXPECT_NE(Inode(from_), Inode(to_));
}

TEST_F(CopyBlobTest, SharesTheFileWhereThatIsAllowed) {
  ASSERT_TRUE(IsOk(CopyBlob(blob_, from_, to_, BlobCopy::kLink)));
  EXPECT_EQ("content", *to_.Read(blob_.digest));
  EXPECT_EQ(Inode(from_), Inode(to_));
}

TEST_F(CopyBlobTest, TakesNoDamagedBytes) {
  std::filesystem::remove(from_.PathOf(blob_.digest));
  std::ofstream(from_.PathOf(blob_.digest)) << "c0ntent";
  EXPECT_TRUE(FailsWith(CopyBlob(blob_, from_, to_), ErrorCode::kCorrupt));
  EXPECT_FALSE(to_.Contains(blob_.digest));
}

TEST_F(CopyBlobTest, LeavesWhatIsThere) {
  ASSERT_TRUE(IsOk(to_.Put("content", "text/plain")));
  const ino_t before = Inode(to_);
  ASSERT_TRUE(IsOk(from_.Remove(blob_.digest)));
  EXPECT_TRUE(IsOk(CopyBlob(blob_, from_, to_)));
  EXPECT_EQ(before, Inode(to_));
}

TEST_F(CopyBlobTest, ReportsWhatIsMissing) {
  ASSERT_TRUE(IsOk(from_.Remove(blob_.digest)));
  EXPECT_TRUE(FailsWith(CopyBlob(blob_, from_, to_), ErrorCode::kNotFound));
}

}  // namespace
}  // namespace strake::oci
