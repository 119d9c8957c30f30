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
#include "builder/snapshot/layered_tree.h"
#include "builder/snapshot/opened_way.h"
#include "util/result_macros.h"
#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

bool IsBelow(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() && path[directory.size()] == '/' &&
         path.substr(0, directory.size()) == directory;
}

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

  // A file as it was, and where its content is.
  struct Before {
    oci::FileMetadata metadata;
    int root = -1;
    std::optional<OpenedWay> way = {};
  };

  Status Look(const std::string& path, Before& before) {
    if (older_.layers != nullptr) {
      const LayeredTree::Changed changed = older_.layers->Find(path);
      if (changed.change != nullptr) {
        before.metadata = changed.change->metadata;
        before.root = changed.files;
        return {};
      }
      before.root = older_.layers->base.fs.get();
      return LookOnDisk(path, older_.layers->base_journal, before);
    }
    before.root = older_.root;
    return LookOnDisk(path, older_.journal, before);
  }

  static Status LookOnDisk(const std::string& path,
                           const OwnershipJournal& journal, Before& before) {
    struct statx st;
    auto stat = [&] {
      return ::statx(before.root, path.c_str(), AT_SYMLINK_NOFOLLOW,
                     STATX_BASIC_STATS, &st) == 0;
    };
    bool found = stat();
    if (!found && errno == EACCES) {
      before.way.emplace(before.root, path);
      found = stat();
    }
    if (!found) return ErrnoError("stat " + path + " in the parent");
    ASSIGN_OR_RETURN(before.metadata,
                     ReadFileMetadata(before.root, path.c_str(), st));
    ApplyJournalEntry(journal.Find(path), before.metadata);
    return {};
  }

  Result<bool> SameAsBefore(const TreeEntry& entry, const std::string& path,
                            const oci::FileMetadata& metadata) {
    Before before;
    RETURN_IF_ERROR(Look(path, before));
    if (!SameMetadata(metadata, before.metadata)) return false;
    if (!S_ISREG(metadata.mode) || metadata.size_bytes == 0) return true;
    if (older_.content == ContentBelow::kUnknown) return false;
    return SameContent(entry.directory, std::string(entry.name).c_str(),
                       before.root, path.c_str());
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
