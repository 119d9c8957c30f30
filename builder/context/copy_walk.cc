#include "builder/context/copy_walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <utility>

#include "builder/context/path_match.h"
#include "builder/context/source_stat.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/tree_walk.h"

namespace strake::builder::context {
namespace {

using State = dockerfile::IgnoreMatcher::State;

// Whether something below the directory `path` could match `pattern`: not if
// the components before the first wildcard already differ.
bool CanReachBelow(std::string_view pattern, std::string_view path) {
  std::vector<std::string_view> wanted = Split(pattern, '/');
  std::vector<std::string_view> have = Split(path, '/');
  for (size_t i = 0; i < have.size(); ++i) {
    if (i >= wanted.size()) return false;
    if (HasWildcard(wanted[i]) ||
        wanted[i].find('\\') != std::string_view::npos) {
      return true;
    }
    if (wanted[i] != have[i]) return false;
  }
  return true;
}

// The metadata that a copy carries over of `name` in `directory`, into `entry`.
Status ReadDetails(const SourceTree& tree, CopyEntry& entry) {
  if (tree.journal != nullptr) {
    const VirtualMetadata* meant = tree.journal->Find(entry.tree_path);
    if (meant != nullptr) entry.xattrs = meant->xattrs;
  }
  auto xattrs = ReadXattrsAt(entry.directory, entry.name.c_str());
  if (!xattrs) {
    return std::move(xattrs).error().Wrap("/" + std::string(entry.tree_path));
  }
  entry.xattrs.merge(*xattrs);
  std::erase_if(entry.xattrs,
                [](const auto& xattr) { return !CopiesXattr(xattr.first); });
  if (entry.file.IsSymlink()) {
    ASSIGN_OR_RETURN(entry.link_target,
                     ReadLinkAt(entry.directory, entry.name.c_str()));
  }
  return {};
}

// One walk below a matched directory.
class Walker {
 public:
  Walker(const SourceTree& tree, const CopyMatch& match,
         const CopyFilter& filter, const CopyVisitor& visit,
         const CopyVisitor& after, const std::stop_token& stop)
      : tree_(tree),
        match_(match),
        filter_(filter),
        visit_(visit),
        after_(after),
        stop_(stop),
        ignore_(tree.ignore == nullptr ? none_ : tree.ignore->matcher) {}

  Result<CopyWalkStats> Run() {
    ASSIGN_OR_RETURN(UniqueFd top, OpenInRoot(tree_.root, match_.path,
                                              O_RDONLY | O_DIRECTORY));
    levels_.emplace_back();
    Level& level = levels_.back();
    level.tree_path = match_.path;
    level.file = match_.file;
    level.ignore_state = StateOf(ignore_, match_.path);
    level.present = level.wanted = true;
    CopyEntry entry = Describe(level);
    entry.directory = top.get();
    entry.name = ".";
    RETURN_IF_ERROR(ReadDetails(tree_, entry));
    level.xattrs = entry.xattrs;
    RETURN_IF_ERROR(Emit(level));
    stats_.directories = 1;
    RETURN_IF_ERROR(WalkTree(
        top.get(), {.cross_mounts = true},
        [this](const TreeEntry& tree_entry) { return Visit(tree_entry); },
        [this](const TreeEntry& left) { return LeaveTo(left.depth + 1); }));
    RETURN_IF_ERROR(LeaveTo(0));
    return stats_;
  }

 private:
  // A directory on the way to the entry at hand.
  struct Level {
    std::string path;  // relative to the match
    std::string tree_path;
    SourceFile file;
    Xattrs xattrs;
    State ignore_state, exclude_state, include_state;
    bool present = false;  // not ignored, or holds what is not
    bool wanted = false;   // passes the filter by itself
    bool emitted = false;
  };

  Result<TreeStep> Visit(const TreeEntry& found) {
    if (stop_.stop_requested()) return Cancelled("the copy was stopped");
    ++stats_.entries;
    // A directory that vanished before it could be entered is not left either.
    RETURN_IF_ERROR(LeaveTo(found.depth + 1));
    Level level;
    level.path = found.path;
    level.tree_path = JoinPath(match_.path, found.path);
    level.file = SourceFileOf(tree_, level.tree_path, *found.stat);
    if (IsHidden(tree_, level.file)) return TreeStep::kSkip;
    bool is_directory = S_ISDIR(found.stat->stx_mode);
    bool can_reach = Judge(level);
    bool wanted = level.present && level.wanted;
    if (!wanted && !level.present && !(is_directory && can_reach)) {
      return TreeStep::kSkip;
    }

    CopyEntry entry = Describe(level);
    entry.directory = found.directory;
    entry.name = found.name;
    if (wanted || (is_directory && can_reach)) {
      RETURN_IF_ERROR(ReadDetails(tree_, entry));
    }
    if (level.present) RETURN_IF_ERROR(EmitPresent());
    if (wanted) RETURN_IF_ERROR(EmitAll());
    if (!is_directory) {
      if (wanted) RETURN_IF_ERROR(visit_(entry));
      return TreeStep::kContinue;
    }
    level.xattrs = entry.xattrs;
    if (wanted) RETURN_IF_ERROR(Emit(level));
    if (!can_reach) {
      if (wanted) RETURN_IF_ERROR(after_(Describe(level)));
      return TreeStep::kSkip;
    }
    ++stats_.directories;
    levels_.push_back(std::move(level));
    return TreeStep::kContinue;
  }

  // Fills in what the patterns say of `level`; returns whether anything below
  // it, were it a directory, could be wanted.
  bool Judge(Level& level) const {
    const Level& parent = levels_.back();
    bool ignored =
        ignore_.Enter(level.tree_path, parent.ignore_state, level.ignore_state);
    bool excluded = filter_.excludes.Enter(level.path, parent.exclude_state,
                                           level.exclude_state);
    bool included = true;
    bool can_reach = true;
    if (filter_.includes) {
      included = filter_.includes->Enter(level.path, parent.include_state,
                                         level.include_state);
      can_reach =
          included || CanReachBelow(filter_.include_pattern, level.path);
    }
    level.present = !ignored;
    level.wanted = included && !excluded;
    if (ignored && ignore_.CanPrune(level.tree_path)) {
      can_reach = false;
    }
    if (excluded && filter_.excludes.CanPrune(level.path)) {
      can_reach = false;
    }
    return can_reach;
  }

  CopyEntry Describe(const Level& level) const {
    CopyEntry entry;
    entry.path = level.path;
    entry.tree_path = level.tree_path;
    entry.file = level.file;
    entry.xattrs = level.xattrs;
    entry.only_parent = !level.wanted;
    return entry;
  }

  Status Emit(Level& level) {
    level.emitted = true;
    return visit_(Describe(level));
  }

  // An entry that is not ignored makes the ignored directories around it
  // present, and a wanted one makes all directories around it necessary.
  Status EmitPresent() {
    for (Level& level : levels_) {
      level.present = true;
      if (level.wanted && !level.emitted) RETURN_IF_ERROR(EmitUpTo(level));
    }
    return {};
  }
  Status EmitAll() {
    for (Level& level : levels_) {
      if (!level.emitted) RETURN_IF_ERROR(Emit(level));
    }
    return {};
  }
  Status EmitUpTo(Level& last) {
    for (Level& level : levels_) {
      if (!level.emitted) RETURN_IF_ERROR(Emit(level));
      if (&level == &last) break;
    }
    return {};
  }

  Status LeaveTo(size_t levels) {
    while (levels_.size() > levels) {
      Level level = std::move(levels_.back());
      levels_.pop_back();
      if (level.emitted) RETURN_IF_ERROR(after_(Describe(level)));
    }
    return {};
  }

  const SourceTree& tree_;
  const CopyMatch& match_;
  const CopyFilter& filter_;
  const CopyVisitor& visit_;
  const CopyVisitor& after_;
  const std::stop_token& stop_;
  const dockerfile::IgnoreMatcher none_;
  const dockerfile::IgnoreMatcher& ignore_;
  std::vector<Level> levels_;
  CopyWalkStats stats_;
};

Result<CopyWalkStats> VisitFile(const SourceTree& tree, const CopyMatch& match,
                                const CopyVisitor& visit) {
  ASSIGN_OR_RETURN(ParentAndName place,
                   OpenParentInRoot(tree.root, match.path));
  CopyEntry entry;
  entry.directory = place.parent.get();
  entry.name = place.name;
  entry.tree_path = match.path;
  entry.file = match.file;
  RETURN_IF_ERROR(ReadDetails(tree, entry));
  RETURN_IF_ERROR(visit(entry));
  return CopyWalkStats{.entries = 1, .directories = 0};
}

}  // namespace

Result<CopyFilter> CopyFilter::Make(const std::vector<std::string>& excludes,
                                    const std::optional<std::string>& include) {
  CopyFilter filter;
  if (!excludes.empty()) {
    auto matcher = dockerfile::IgnoreMatcher::Compile(excludes);
    if (!matcher) return std::move(matcher).error().Wrap("--exclude");
    filter.excludes = *std::move(matcher);
  }
  if (include && !include->empty()) {
    auto matcher = dockerfile::IgnoreMatcher::Compile({*include});
    if (!matcher) return std::move(matcher).error().Wrap("--parents");
    filter.includes = *std::move(matcher);
    filter.include_pattern = *include;
  }
  return filter;
}

Result<CopySelection> SelectSources(const SourceTree& tree,
                                    std::string_view pattern,
                                    const CopySelectionOptions& options) {
  CopySelection selection;
  std::optional<std::string> include;
  if (options.parents) {
    ASSIGN_OR_RETURN(ParentsMatch match, MatchWithParents(tree, pattern));
    selection.matches = std::move(match.roots);
    include = std::move(match.include);
  } else if (options.literal) {
    ASSIGN_OR_RETURN(CopyMatch match, MatchPath(tree, pattern));
    selection.matches.push_back(std::move(match));
  } else {
    ASSIGN_OR_RETURN(selection.matches, MatchSources(tree, pattern));
  }
  ASSIGN_OR_RETURN(selection.filter,
                   CopyFilter::Make(options.excludes, include));
  return selection;
}

Result<UniqueFd> CopyEntry::Open() const {
  // O_NONBLOCK: a fifo that took the file's place must not hold us up.
  auto fd =
      OpenFileAt(directory, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!fd) return std::move(fd).error().Wrap("/" + std::string(tree_path));
  struct stat st;
  if (::fstat(fd->get(), &st) != 0) {
    return ErrnoError("stat /" + std::string(tree_path));
  }
  if (!S_ISREG(st.st_mode)) {
    return IoError("/" + std::string(tree_path) +
                   " was a regular file a moment ago and is no longer");
  }
  return fd;
}

Result<CopyWalkStats> WalkCopy(const SourceTree& tree, const CopyMatch& match,
                               const CopyFilter& filter,
                               const CopyVisitor& visit,
                               const CopyVisitor& after, std::stop_token stop) {
  if (stop.stop_requested()) return Cancelled("the copy was stopped");
  if (!match.file.IsDirectory()) return VisitFile(tree, match, visit);
  return Walker(tree, match, filter, visit, after, stop).Run();
}

bool CopiesXattr(std::string_view name) {
  if (name == "security.capability") return true;
  return !name.starts_with("security.") && !name.starts_with("system.") &&
         !name.starts_with("trusted.overlay.") &&
         !name.starts_with("user.overlay.");
}

}  // namespace strake::builder::context
