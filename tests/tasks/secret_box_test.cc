#include "tasks/store/secret_box.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/expect_result.h"
#include "tests/support/temp_dir.h"

namespace strake::tasks::store {
namespace {

using testing::FailsWith;
using testing::IsOk;

class SecretBoxTest : public ::testing::Test {
 protected:
  SecretBox Open(const std::string& name) {
    auto box = SecretBox::Open(directory_.path(name));
    EXPECT_TRUE(IsOk(box));
    return *std::move(box);
  }
  std::string Seal(const SecretBox& box, std::string_view text) {
    auto sealed = box.Seal(text, "the test");
    EXPECT_TRUE(IsOk(sealed));
    return *sealed;
  }

  testing::TempDir directory_;
};

TEST_F(SecretBoxTest, WhatIsSealedComesBackWithTheSameKeyFile) {
  for (std::string text :
       {std::string("s3cret"), std::string(), std::string("\0\xff", 2),
        std::string(100000, 'x')}) {
    std::string sealed = Seal(Open("key"), text);
    if (text.size() > 4) {
      EXPECT_EQ(sealed.find(text), std::string::npos);
    }
    auto back = Open("key").Unseal(sealed, "the test");
    ASSERT_TRUE(IsOk(back));
    EXPECT_EQ(*back, text);
  }
}

TEST_F(SecretBoxTest, EqualTextsDifferWhenSealed) {
  SecretBox box = Open("key");
  EXPECT_NE(Seal(box, "a"), Seal(box, "a"));
}

TEST_F(SecretBoxTest, TheKeyFileIsItsOwnersAlone) {
  Open("key");
  struct stat st;
  ASSERT_EQ(::stat(directory_.path("key").c_str(), &st), 0);
  EXPECT_EQ(st.st_mode & 0777, 0600u);
  ASSERT_EQ(::chmod(directory_.path("key").c_str(), 0640), 0);
  EXPECT_TRUE(FailsWith(SecretBox::Open(directory_.path("key")),
                        ErrorCode::kUnauthorized, "chmod 600"));
}

TEST_F(SecretBoxTest, TellsAWrongKeyFromDamage) {
  SecretBox box = Open("key");
  std::string sealed = Seal(box, "text");
  EXPECT_TRUE(FailsWith(Open("other").Unseal(sealed, "the test"),
                        ErrorCode::kUnauthorized, "sealed with the key"));
  std::string damaged = sealed;
  damaged[damaged.size() - 6] ^= 1;
  EXPECT_TRUE(FailsWith(box.Unseal(damaged, "the test"), ErrorCode::kCorrupt));
  EXPECT_TRUE(FailsWith(box.Unseal(sealed.substr(0, 20), "the test"),
                        ErrorCode::kCorrupt));
  EXPECT_TRUE(FailsWith(box.Unseal("text", "the test"), ErrorCode::kCorrupt,
                        "not a sealed text"));
  EXPECT_TRUE(FailsWith(box.Unseal(sealed, "another"), ErrorCode::kCorrupt,
                        "the secret of another"));
}

TEST_F(SecretBoxTest, AFileThatIsNoKeyIsRefused) {
  directory_.Write("key", "hello");
  ASSERT_EQ(::chmod(directory_.path("key").c_str(), 0600), 0);
  EXPECT_TRUE(
      FailsWith(SecretBox::Open(directory_.path("key")), ErrorCode::kCorrupt));
}

TEST_F(SecretBoxTest, ManyThatMakeTheKeyAtOnceGetTheSame) {
  std::vector<std::string> sealed(8);
  std::vector<std::thread> threads;
  for (std::string& one : sealed) {
    threads.emplace_back([&] { one = Seal(Open("key"), "text"); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& one : sealed) {
    EXPECT_TRUE(IsOk(Open("key").Unseal(one, "the test")));
  }
  // Nothing is left beside it.
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(directory_.path())) {
    EXPECT_EQ(entry.path().filename(), "key");
    ++files;
  }
  EXPECT_EQ(files, 1);
}

}  // namespace
}  // namespace strake::tasks::store
