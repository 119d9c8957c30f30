// A scratch directory of a benchmark, in $TMPDIR or /tmp, that goes away with
// its owner. Without one there is nothing to measure: the program ends.

#ifndef STRAKE_BENCH_SCRATCH_DIRECTORY_H_
#define STRAKE_BENCH_SCRATCH_DIRECTORY_H_

#include <fcntl.h>
#include <stdlib.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "util/rooted_fs.h"
#include "util/unique_fd.h"

namespace strake::bench {

class ScratchDirectory {
 public:
  ScratchDirectory()
      : path_(std::filesystem::temp_directory_path() / "strake-bench.XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
      std::perror(("mkdtemp " + path_).c_str());
      std::exit(1);
    }
    fd_.reset(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  ~ScratchDirectory() {
    UniqueFd slash(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    static_cast<void>(RemoveAllInRoot(slash.get(), path_).has_value());
  }
  ScratchDirectory(const ScratchDirectory&) = delete;
  ScratchDirectory& operator=(const ScratchDirectory&) = delete;

  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  std::string path_;
  UniqueFd fd_;
};

}  // namespace strake::bench

#endif  // STRAKE_BENCH_SCRATCH_DIRECTORY_H_
