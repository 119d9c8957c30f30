#include "builder/context/source_tree.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <deque>

#include "builder/context/source_stat.h"
#include "util/directory.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/tree_walk.h"

namespace strake::builder::context {
namespace {

// As many as the kernel would not follow either.
constexpr int kMaxSymlinks = 255;

SourceFile FromStat(const struct stat& st) {
  SourceFile file;
  file.mode = file.disk_mode = st.st_mode;
  file.uid = VirtualUid(st.st_uid);
  file.gid = VirtualGid(st.st_gid);
  file.size_bytes = static_cast<uint64_t>(st.st_size);
  file.rdev = st.st_rdev;
  file.mtime = st.st_mtim;
  file.ctime = st.st_ctim;
  file.id = {st.st_dev, st.st_ino};
  file.link_count = st.st_nlink;
  return file;
}

SourceFile FromStatx(const struct statx& st) {
  SourceFile file;
  file.mode = file.disk_mode = st.stx_mode;
  file.uid = VirtualUid(st.stx_uid);
  file.gid = VirtualGid(st.stx_gid);
  file.size_bytes = st.stx_size;
  file.rdev = makedev(st.stx_rdev_major, st.stx_rdev_minor);
  file.mtime = {st.stx_mtime.tv_sec, static_cast<long>(st.stx_mtime.tv_nsec)};
  file.ctime = {st.stx_ctime.tv_sec, static_cast<long>(st.stx_ctime.tv_nsec)};
  file.id = {makedev(st.stx_dev_major, st.stx_dev_minor), st.stx_ino};
  file.link_count = st.stx_nlink;
  return file;
}

// The journal's word, and the tree's view of owners, over the disk's.
SourceFile InTree(const SourceTree& tree, std::string_view path,
                  SourceFile file) {
  const VirtualMetadata* meant =
      tree.journal == nullptr ? nullptr : tree.journal->Find(path);
  if (meant != nullptr) {
    file.mode = meant->mode;
    file.uid = meant->uid;
    file.gid = meant->gid;
    file.rdev = meant->rdev;
  }
  if (tree.owned_by_root) file.uid = file.gid = 0;
  if (!file.IsRegular()) file.size_bytes = 0;
  return file;
}

// Whether anything below the excluded directory `path` is included.
Result<bool> HoldsIncluded(const SourceTree& tree, std::string_view path) {
  const dockerfile::IgnoreMatcher& matcher = tree.ignore->matcher;
  std::vector<dockerfile::IgnoreMatcher::State> states;
  states.push_back(StateOf(matcher, path));
  if (matcher.CanPrune(path)) return false;
  ASSIGN_OR_RETURN(UniqueFd top,
                   OpenInRoot(tree.root, path, O_RDONLY | O_DIRECTORY));
  bool found = false;
  auto visit = [&](const TreeEntry& entry) -> Result<TreeStep> {
    std::string full = JoinPath(path, entry.path);
    states.resize(entry.depth + 2);
    bool excluded =
        matcher.Enter(full, states[entry.depth], states[entry.depth + 1]);
    if (!excluded && !IsHidden(tree, SourceFileOf(tree, full, *entry.stat))) {
      found = true;
      return TreeStep::kStop;
    }
    return !excluded || matcher.CanPrune(full) ? TreeStep::kSkip
                                               : TreeStep::kContinue;
  };
  RETURN_IF_ERROR(WalkTree(top.get(), {.cross_mounts = true}, visit));
  return found;
}

}  // namespace

std::string JoinPath(std::string_view directory, std::string_view name) {
  if (directory.empty()) return std::string(name);
  std::string path(directory);
  if (!name.empty()) path.append("/").append(name);
  return path;
}

std::string_view ParentPath(std::string_view path) {
  size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? "" : path.substr(0, slash);
}

std::string_view BaseName(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

SourceFile SourceFileOf(const SourceTree& tree, std::string_view path,
                        const struct statx& st) {
  return InTree(tree, path, FromStatx(st));
}

SourceFile SourceFileOf(const SourceTree& tree, std::string_view path,
                        const struct stat& st) {
  return InTree(tree, path, FromStat(st));
}

bool IsHidden(const SourceTree& tree, const SourceFile& file) {
  return !tree.hidden.empty() && S_ISDIR(file.disk_mode) &&
         std::ranges::find(tree.hidden, file.id) != tree.hidden.end();
}

dockerfile::IgnoreMatcher::State StateOf(
    const dockerfile::IgnoreMatcher& matcher, std::string_view path) {
  dockerfile::IgnoreMatcher::State state;
  for (size_t end = 0; end < path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    dockerfile::IgnoreMatcher::State child;
    matcher.Enter(path.substr(0, end), state, child);
    state = std::move(child);
  }
  return state;
}

std::string IgnoreRules::Explain(std::string_view path) const {
  if (!matcher.Excludes(path)) return "";
  const std::vector<std::string>& patterns = matcher.patterns();
  // The last pattern that matches decides.
  for (size_t i = patterns.size(); i-- > 0;) {
    if (patterns[i].starts_with('!')) continue;
    auto one = dockerfile::IgnoreMatcher::Compile({patterns[i]});
    if (!one || !one->Excludes(path)) continue;
    std::string where = file;
    if (i < lines.size()) where += ":" + std::to_string(lines[i]);
    return "excluded by " + where + ": " + patterns[i];
  }
  return "excluded by " + file;
}

Result<std::optional<SourceFile>> FindInTree(const SourceTree& tree,
                                             std::string_view path) {
  using Found = std::optional<SourceFile>;
  ASSIGN_OR_RETURN(std::optional<struct stat> st,
                   StatInRoot(tree.root, path, FollowLast::kNo));
  if (!st) return Found();
  SourceFile file = SourceFileOf(tree, path, *st);
  if (IsHidden(tree, file)) return Found();
  if (tree.ignore != nullptr && tree.ignore->matcher.Excludes(path)) {
    if (!S_ISDIR(file.disk_mode)) return Found();
    ASSIGN_OR_RETURN(bool holds_included, HoldsIncluded(tree, path));
    if (!holds_included) return Found();
  }
  return Found(file);
}

Result<std::optional<std::string>> ResolveInTree(const SourceTree& tree,
                                                 std::string_view path) {
  using Resolved = std::optional<std::string>;
  std::deque<std::string> rest;
  auto prepend = [&](std::string_view text) {
    std::vector<std::string_view> pieces = Split(text, '/');
    rest.insert(rest.begin(), pieces.begin(), pieces.end());
  };
  prepend(path);
  std::string resolved;
  int symlinks = 0;
  while (!rest.empty()) {
    std::string name = std::move(rest.front());
    rest.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      resolved = ParentPath(resolved);
      continue;
    }
    std::string next = JoinPath(resolved, name);
    ASSIGN_OR_RETURN(std::optional<struct stat> st,
                     StatInRoot(tree.root, next, FollowLast::kNo));
    if (!st) return Resolved();
    if (!S_ISLNK(st->st_mode)) {
      resolved = std::move(next);
      continue;
    }
    if (tree.ignore != nullptr && tree.ignore->matcher.Excludes(next)) {
      return Resolved();
    }
    if (++symlinks > kMaxSymlinks) {
      return IoError("resolve /" + std::string(path) + ": too many symlinks");
    }
    ASSIGN_OR_RETURN(std::string target, ReadLinkInRoot(tree.root, next));
    if (target.starts_with('/')) resolved.clear();
    prepend(target);
  }
  ASSIGN_OR_RETURN(std::optional<SourceFile> file, FindInTree(tree, resolved));
  if (!file) return Resolved();
  return Resolved(std::move(resolved));
}

bool IsUnchanged(const SourceFile& file, const struct stat& now) {
  auto same = [](const struct timespec& one, const struct timespec& other) {
    return one.tv_sec == other.tv_sec && one.tv_nsec == other.tv_nsec;
  };
  return now.st_dev == file.id.device && now.st_ino == file.id.inode &&
         static_cast<uint64_t>(now.st_size) == file.size_bytes &&
         same(now.st_mtim, file.mtime) && same(now.st_ctim, file.ctime);
}

}  // namespace strake::builder::context
