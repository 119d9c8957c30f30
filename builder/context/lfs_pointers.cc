#include "builder/context/lfs_pointers.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "util/result_macros.h"
#include "util/tree_walk.h"
#include "util/unique_fd.h"

namespace strake::builder::context {
namespace {

constexpr std::string_view kFirstLine =
    "version https://git-lfs.github.com/spec/v1\n";
// The specification's bound on a pointer.
constexpr uint64_t kMostBytes = 1024;

Result<bool> IsPointer(const TreeEntry& entry) {
  const struct statx& stat = *entry.stat;
  if (!S_ISREG(stat.stx_mode) || stat.stx_size < kFirstLine.size() ||
      stat.stx_size >= kMostBytes) {
    return false;
  }
  ASSIGN_OR_RETURN(UniqueFd fd,
                   OpenFileAt(entry.directory, std::string(entry.name).c_str(),
                              O_RDONLY | O_NOFOLLOW));
  std::array<char, kFirstLine.size()> head{};
  const ssize_t size = ::pread(fd.get(), head.data(), head.size(), 0);
  if (size < 0) return ErrnoError("read " + std::string(entry.path));
  return std::string_view(head.data(), static_cast<size_t>(size)) == kFirstLine;
}

}  // namespace

Result<size_t> CountLfsPointers(const std::string& directory) {
  ASSIGN_OR_RETURN(UniqueFd root,
                   OpenFile(directory.c_str(), O_RDONLY | O_DIRECTORY));
  size_t count = 0;
  auto visit = [&](const TreeEntry& entry) -> Result<TreeStep> {
    if (entry.name == ".git") return TreeStep::kSkip;
    ASSIGN_OR_RETURN(bool is_pointer, IsPointer(entry));
    if (is_pointer) ++count;
    return TreeStep::kContinue;
  };
  RETURN_IF_ERROR(WalkTree(root.get(), {}, visit));
  return count;
}

}  // namespace strake::builder::context
