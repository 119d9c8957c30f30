// A scratch directory that goes away with its owner, and quick ways to put
// things into it. Failures are test failures.

#ifndef STRAKE_TESTS_SUPPORT_TEMP_DIR_H_
#define STRAKE_TESTS_SUPPORT_TEMP_DIR_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>

#include "util/rooted_fs.h"
#include "util/unique_fd.h"

namespace strake::testing {

class TempDir {
 public:
  TempDir() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr ? base : "/tmp") + "/strake.XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) {
      ADD_FAILURE() << "mkdtemp " << path_;
      return;
    }
    fd_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~TempDir() {
    UniqueFd slash(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto removed = RemoveAllInRoot(slash.get(), path_);
    if (!removed) ADD_FAILURE() << removed.error().message();
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string path(std::string_view name) const {
    return path_ + "/" + std::string(name);
  }
  int fd() const { return fd_.get(); }

  void MakeDir(std::string_view name) const {
    std::error_code error;
    std::filesystem::create_directories(path(name), error);
    EXPECT_FALSE(error) << path(name) << ": " << error.message();
  }
  // Writes `content` to `name`, making its directories.
  void Write(std::string_view name, std::string_view content) const {
    size_t slash = name.rfind('/');
    if (slash != std::string_view::npos) MakeDir(name.substr(0, slash));
    std::ofstream file(path(name), std::ios::binary | std::ios::trunc);
    file << content;
    EXPECT_TRUE(file.flush().good()) << path(name);
  }
  void Symlink(const std::string& target, std::string_view name) const {
    EXPECT_EQ(0, ::symlink(target.c_str(), path(name).c_str())) << name;
  }
  std::string Read(std::string_view name) const {
    std::ifstream file(path(name), std::ios::binary);
    EXPECT_TRUE(file.good()) << path(name);
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
  }
  bool Exists(std::string_view name) const {
    struct stat st;
    return ::lstat(path(name).c_str(), &st) == 0;
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_TEMP_DIR_H_
