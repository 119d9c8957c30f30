#include "builder/ops/borrowed_content.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <utility>

#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::ops {

bool BorrowedContent::MayBorrow(const context::SourceFile& file,
                                std::string_view path) {
  // One of several names could be written into the layer in place of another.
  return file.IsRegular() && file.link_count == 1 && file.size_bytes > 0 &&
         path != "etc/passwd" && path != "etc/group";
}

void BorrowedContent::Add(const std::string& path, int source_root,
                          std::string source_path,
                          const context::SourceFile& file) {
  sources_[path] = {source_root, std::move(source_path), file, false};
}

void BorrowedContent::Forget(const std::string& path) { sources_.erase(path); }

Result<UniqueFd> BorrowedContent::Open(const std::string& path) {
  auto found = sources_.find(path);
  if (found == sources_.end()) return UniqueFd();
  Source& source = found->second;
  // O_NONBLOCK: should a fifo have taken the file's place, do not wait.
  ASSIGN_OR_RETURN(
      UniqueFd content,
      OpenInRoot(source.root, source.path,
                 O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  struct stat now;
  if (::fstat(content.get(), &now) != 0) {
    return ErrnoError("stat /" + source.path);
  }
  if (!S_ISREG(now.st_mode) ||
      static_cast<uint64_t>(now.st_size) < source.file.size_bytes) {
    return IoError("/" + source.path +
                   " became shorter, or another kind of file, while it was "
                   "copied");
  }
  if (!context::IsUnchanged(source.file, now)) changed_ = true;
  source.opened = true;
  return content;
}

Status BorrowedContent::CheckAllOpened() const {
  auto left = std::ranges::find_if(
      sources_, [](const auto& s) { return !s.second.opened; });
  if (left == sources_.end()) return {};
  return Internal("the content of /" + left->first +
                  " did not get into the layer");
}

}  // namespace strake::builder::ops
