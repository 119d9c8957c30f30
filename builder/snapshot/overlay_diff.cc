#include "builder/snapshot/overlay_diff.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <set>
#include <string>
#include <utility>

#include "builder/snapshot/change_list.h"
#include "builder/snapshot/file_metadata.h"
#include "util/directory.h"
#include "util/result_macros.h"
#include "util/tree_walk.h"

namespace strake::builder::snapshot {
namespace {

using Below = std::optional<OverlayLayers::Entry>;

class OverlayDiff {
 public:
  OverlayDiff(int upper, OverlayXattrs form, OverlayLayers& below,
              const OwnershipJournal& journal,
              const OwnershipJournal& journal_below, ContentBelow content)
      : upper_(upper),
        form_(form),
        below_(below),
        journal_(journal),
        journal_below_(journal_below),
        content_(content) {}

  Result<std::vector<oci::Change>> Run() {
    levels_.push_back({below_.Root(), false});
    RETURN_IF_ERROR(
        WalkTree(upper_, {.xattrs = true, .open_up = true},
                 [this](const TreeEntry& entry) { return Visit(entry); }));
    return std::move(changes_).Finish();
  }

 private:
  // A directory that is being walked.
  struct Level {
    OverlayLayers::Directory merged;  // what is below it
    bool hides = false;               // it, or one around it, is opaque
  };

  Result<TreeStep> Visit(const TreeEntry& entry) {
    levels_.resize(entry.depth + 1);
    ASSIGN_OR_RETURN(Below below, Find(levels_[entry.depth].merged, entry));
    if (S_ISSOCK(entry.stat->stx_mode) ||
        IsOverlayWhiteout(*entry.stat, *entry.xattrs, form_)) {
      if (below) changes_.Deleted(std::string(entry.path));
      return TreeStep::kContinue;
    }
    RETURN_IF_ERROR(Compare(entry, below));
    if (S_ISDIR(entry.stat->stx_mode)) RETURN_IF_ERROR(Descend(entry, below));
    return TreeStep::kContinue;
  }

  Result<Below> Find(const OverlayLayers::Directory& directory,
                     const TreeEntry& entry) {
    if (directory.empty()) return Below();
    return below_.Find(directory, entry.name);
  }

  Status Compare(const TreeEntry& entry, const Below& below) {
    std::string name(entry.name), path(entry.path);
    ASSIGN_OR_RETURN(oci::FileMetadata metadata,
                     ReadFileMetadata(entry.directory, name.c_str(),
                                      *entry.stat, entry.xattrs));
    ApplyJournalEntry(journal_.Find(path), metadata);
    bool same = false;
    if (below) {
      ASSIGN_OR_RETURN(same, SameAs(entry, metadata, *below));
    }
    if (same) {
      changes_.Unchanged(std::move(path), std::move(metadata));
    } else {
      changes_.Present(std::move(path), std::move(metadata));
    }
    return {};
  }

  Result<bool> SameAs(const TreeEntry& entry, const oci::FileMetadata& metadata,
                      const OverlayLayers::Entry& below) {
    ASSIGN_OR_RETURN(
        oci::FileMetadata old,
        ReadFileMetadata(below_.base(), below.location.c_str(), below.stat));
    ApplyJournalEntry(journal_below_.Find(entry.path), old);
    if (!SameMetadata(metadata, old)) return false;
    if (!S_ISREG(metadata.mode) || metadata.size_bytes == 0) return true;
    if (content_ == ContentBelow::kUnknown) return false;
    return SameContent(entry.directory, std::string(entry.name).c_str(),
                       below_.base(), below.location.c_str());
  }

  // Enters a directory of the upper layer: finds what it merges with, or what
  // it hides. For the comparison a directory that hides merges, too: what was
  // put back as it was has not changed.
  Status Descend(const TreeEntry& entry, const Below& below) {
    Level level;
    if (below) level.merged = below->directory;
    level.hides = levels_.back().hides || IsOverlayOpaque(*entry.xattrs, form_);
    if (level.hides && !level.merged.empty()) {
      RETURN_IF_ERROR(DeleteHidden(entry, level.merged));
    }
    levels_.push_back(std::move(level));
    return {};
  }

  Status DeleteHidden(const TreeEntry& entry,
                      const OverlayLayers::Directory& hidden) {
    ASSIGN_OR_RETURN(std::vector<std::string> names, below_.List(hidden));
    ASSIGN_OR_RETURN(
        UniqueFd fd,
        OpenFileAt(entry.directory, std::string(entry.name).c_str(),
                   O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    ASSIGN_OR_RETURN(std::vector<DirectoryEntry> there,
                     ListDirectory(fd.get()));
    std::set<std::string> kept;
    for (DirectoryEntry& child : there) kept.insert(std::move(child.name));
    for (const std::string& name : names) {
      // One that is there is visited itself.
      if (kept.count(name) == 0) {
        changes_.Deleted(std::string(entry.path) + "/" + name);
      }
    }
    return {};
  }

  const int upper_;
  const OverlayXattrs form_;
  OverlayLayers& below_;
  const OwnershipJournal& journal_;
  const OwnershipJournal& journal_below_;
  const ContentBelow content_;
  ChangeList changes_;
  std::vector<Level> levels_;  // by depth
};

}  // namespace

Result<std::vector<oci::Change>> DiffOverlay(
    int upper, OverlayXattrs form, OverlayLayers& below,
    const OwnershipJournal& journal, const OwnershipJournal& journal_below,
    ContentBelow content) {
  return OverlayDiff(upper, form, below, journal, journal_below, content).Run();
}

}  // namespace strake::builder::snapshot
