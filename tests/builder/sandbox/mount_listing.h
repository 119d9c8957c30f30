// What a test compares before and after a run.

#ifndef STRAKE_TESTS_BUILDER_SANDBOX_MOUNT_LISTING_H_
#define STRAKE_TESTS_BUILDER_SANDBOX_MOUNT_LISTING_H_

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace strake::builder::sandbox {

// One line a file: path, mode, owner, size and modification time, sorted.
inline std::vector<std::string> Listing(const std::string& root) {
  std::vector<std::string> lines;
  const auto add = [&](const std::string& path) {
    struct stat found {};
    if (lstat(path.c_str(), &found) != 0) return;
    lines.push_back(
        path.substr(root.size()) + " " + std::to_string(found.st_mode) + " " +
        std::to_string(found.st_uid) + ":" + std::to_string(found.st_gid) +
        " " + std::to_string(found.st_size) + " " +
        std::to_string(found.st_mtim.tv_sec) + "." +
        std::to_string(found.st_mtim.tv_nsec));
  };
  add(root);
  std::error_code error;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(root, error)) {
    add(entry.path());
  }
  std::ranges::sort(lines);
  return lines;
}

// The mounts of this process.
inline std::string Mounts() {
  std::ifstream file("/proc/self/mountinfo");
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace strake::builder::sandbox

#endif  // STRAKE_TESTS_BUILDER_SANDBOX_MOUNT_LISTING_H_
