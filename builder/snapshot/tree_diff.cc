#include "builder/snapshot/tree_diff.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/snapshot/change_list.h"
#include "builder/snapshot/file_metadata.h"
#include "util/result_macros.h"
#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

bool IsBelow(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path[directory.size()] == '/' &&
         path.substr(0, directory.size()) == directory;
}

// Makes the directories on the way to a path searchable for their owner, and
// puts their modes back. For trees of a plain user, who cannot look into a
// directory that has lost its permissions.
class OpenedWay {
 public:
  OpenedWay(int root, const std::string& path) : root_(root) {
    for (size_t slash = path.find('/'); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      std::string directory = path.substr(0, slash);
      struct stat st;
      if (::fstatat(root, directory.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
        return;  // the caller finds the same
      }
      mode_t mode = st.st_mode & 07777;
      if ((mode & 0500) != 0500 &&
          ::fchmodat(root, directory.c_str(), mode | 0500, 0) == 0) {
        opened_.emplace_back(std::move(directory), mode);
      }
    }
  }
  OpenedWay(const OpenedWay&) = delete;
  OpenedWay& operator=(const OpenedWay&) = delete;
  ~OpenedWay() {
    for (auto opened = opened_.rbegin(); opened != opened_.rend(); ++opened) {
      static_cast<void>(
          ::fchmodat(root_, opened->first.c_str(), opened->second, 0));
    }
  }

 private:
  int root_;
  std::vector<std::pair<std::string, mode_t>> opened_;
};

// Walks the newer tree and the scan, which has the older one's names, side by
// side in the same order.
class TreeDiff {
 public:
  TreeDiff(const TreeState& newer, const TreeState& older,
           const MetadataScan& fresh)
      : newer_(newer), older_(older), fresh_(fresh) {}

  Result<std::vector<oci::Change>> Run() {
    RETURN_IF_ERROR(
        WalkTree(newer_.root, {.open_up = true},
                 [this](const TreeEntry& entry) -> Result<TreeStep> {
                   // No layer can hold a socket: it is as good as not there.
                   if (S_ISSOCK(entry.stat->stx_mode))
                     return TreeStep::kContinue;
                   RETURN_IF_ERROR(Visit(entry));
                   return TreeStep::kContinue;
                 }));
    while (next_ < fresh_.size()) Gone(fresh_[next_++].path);
    return std::move(changes_).Finish();
  }

  // Looks at these only; the scan has no others.
  Result<std::vector<oci::Change>> Run(const std::vector<std::string>& paths) {
    std::string closed;  // the last path that is no directory
    for (const std::string& path : paths) {
      if (!closed.empty() && IsBelow(path, closed)) continue;
      struct statx st;
      if (::statx(newer_.root, path.c_str(), AT_SYMLINK_NOFOLLOW,
                  STATX_BASIC_STATS, &st) != 0) {
        if (errno != ENOENT && errno != ENOTDIR) {
          return ErrnoError("stat " + path);
        }
        closed = path;
        continue;
      }
      if (!S_ISDIR(st.stx_mode)) closed = path;
      if (S_ISSOCK(st.stx_mode)) continue;
      // Nothing on the way to it is a link: it can be named by its path.
      TreeEntry entry;
      entry.path = entry.name = path;
      entry.directory = newer_.root;
      entry.stat = &st;
      RETURN_IF_ERROR(Visit(entry));
    }
    while (next_ < fresh_.size()) Gone(fresh_[next_++].path);
    return std::move(changes_).Finish();
  }

 private:
  Status Visit(const TreeEntry& entry) {
    while (next_ < fresh_.size() && PathLess(fresh_[next_].path, entry.path)) {
      Gone(fresh_[next_++].path);
    }
    bool was_there = next_ < fresh_.size() && fresh_[next_].path == entry.path;
    if (!was_there) return Compare(entry, /*was_there=*/false);
    const ScannedFile& before = fresh_[next_++];
    // What was in a directory that is none now went with it.
    if (!S_ISDIR(entry.stat->stx_mode)) gone_ = before.path;
    if (before.Untouched(*entry.stat) && SameInJournals(entry.path)) return {};
    return Compare(entry, /*was_there=*/true);
  }

  void Gone(const std::string& path) {
    if (!gone_.empty() && IsBelow(path, gone_)) return;
    gone_ = path;
    changes_.Deleted(path);
  }

  bool SameInJournals(std::string_view path) const {
    const VirtualMetadata* now = newer_.journal.Find(path);
    const VirtualMetadata* before = older_.journal.Find(path);
    if (now == nullptr || before == nullptr) return now == before;
    return *now == *before;
  }

  Status Compare(const TreeEntry& entry, bool was_there) {
    std::string name(entry.name), path(entry.path);
    ASSIGN_OR_RETURN(
        oci::FileMetadata metadata,
        ReadFileMetadata(entry.directory, name.c_str(), *entry.stat));
    ApplyJournalEntry(newer_.journal.Find(path), metadata);
    bool same = false;
    if (was_there) {
      ASSIGN_OR_RETURN(same, SameAsBefore(entry, path, metadata));
    }
    if (same) {
      changes_.Unchanged(std::move(path), std::move(metadata));
    } else {
      changes_.Present(std::move(path), std::move(metadata));
    }
    return {};
  }

  Result<bool> SameAsBefore(const TreeEntry& entry, const std::string& path,
                            const oci::FileMetadata& metadata) {
    auto stat_older = [&](struct statx& st) {
      return ::statx(older_.root, path.c_str(), AT_SYMLINK_NOFOLLOW,
                     STATX_BASIC_STATS, &st) == 0;
    };
    struct statx st;
    std::optional<OpenedWay> way;
    bool found = stat_older(st);
    if (!found && errno == EACCES) {
      way.emplace(older_.root, path);
      found = stat_older(st);
    }
    if (!found) return ErrnoError("stat " + path + " in the parent");
    ASSIGN_OR_RETURN(oci::FileMetadata before,
                     ReadFileMetadata(older_.root, path.c_str(), st));
    ApplyJournalEntry(older_.journal.Find(path), before);
    if (!SameMetadata(metadata, before)) return false;
    if (!S_ISREG(metadata.mode) || metadata.size_bytes == 0) return true;
    if (older_.content == ContentBelow::kUnknown) return false;
    return SameContent(entry.directory, std::string(entry.name).c_str(),
                       older_.root, path.c_str());
  }

  const TreeState newer_;
  const TreeState older_;
  const MetadataScan& fresh_;
  size_t next_ = 0;   // in `fresh_`
  std::string gone_;  // the last path that is no directory any more
  ChangeList changes_;
};

}  // namespace

Result<std::vector<oci::Change>> DiffTrees(const TreeState& newer,
                                           const TreeState& older,
                                           const MetadataScan& fresh) {
  return TreeDiff(newer, older, fresh).Run();
}

Result<std::vector<oci::Change>> DiffTrees(
    const TreeState& newer, const TreeState& older, const MetadataScan& fresh,
    const std::vector<std::string>& paths) {
  MetadataScan known;
  for (const std::string& path : paths) {
    const auto at =
        std::ranges::lower_bound(fresh, path, PathLess, &ScannedFile::path);
    if (at != fresh.end() && at->path == path) known.push_back(*at);
  }
  return TreeDiff(newer, older, known).Run(paths);
}

}  // namespace strake::builder::snapshot
