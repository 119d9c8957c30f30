#include "util/tree_walk.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "util/directory.h"
#include "util/result_macros.h"

namespace strake {
namespace {

constexpr unsigned kStatMask = STATX_BASIC_STATS | STATX_MNT_ID;

bool StatEntry(int dir, const char* name, struct statx& st) {
  return ::statx(dir, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kStatMask,
                 &st) == 0;
}

bool IsDirectory(const struct statx& st) { return S_ISDIR(st.stx_mode); }

class Walker {
 public:
  Walker(const TreeWalkOptions& options, const TreeVisitor& visit,
         const TreeAfter& after, UniqueFd top)
      : options_(options),
        visit_(visit),
        after_(after),
        stack_(std::move(top)) {}

  Status Run() {
    auto status = Walk();
    // After an error or a stop the modes of what is still entered go back, too.
    while (!levels_.empty()) {
      RestoreMode(levels_.back());
      levels_.pop_back();
      if (levels_.empty()) break;
      if (auto popped = stack_.Pop(); !popped) {
        return status ? std::move(popped) : std::move(status);
      }
    }
    return status;
  }

 private:
  // A directory that is being walked.
  struct Level {
    std::vector<DirectoryEntry> entries;  // in order
    size_t next = 0;
    size_t path_length = 0;  // of the directory's own path
    size_t name_start = 0;   // in it
    struct statx stat = {};  // kept for `after`, as `xattrs` is
    Xattrs xattrs;
    int restore_mode = -1;  // -1: was not changed
  };

  Status Walk() {
    if (::statx(stack_.fd(), "", AT_EMPTY_PATH, kStatMask, &top_) != 0) {
      return ErrnoError("stat the top of a tree");
    }
    levels_.emplace_back();
    RETURN_IF_ERROR(List());
    while (true) {
      Level& level = levels_.back();
      if (level.next == level.entries.size()) {
        if (levels_.size() == 1) return {};
        RETURN_IF_ERROR(Leave());
        continue;
      }
      const DirectoryEntry& entry = level.entries[level.next++];
      ASSIGN_OR_RETURN(TreeStep step, Visit(level, entry));
      if (step == TreeStep::kStop) return {};
    }
  }

  Status List() {
    auto entries = ListDirectory(stack_.fd());
    if (!entries) return std::move(entries).error().Wrap(path_);
    std::ranges::sort(*entries, {}, &DirectoryEntry::name);
    levels_.back().entries = *std::move(entries);
    return {};
  }

  TreeEntry Describe(size_t name_start, const struct statx& st,
                     const Xattrs& xattrs) const {
    TreeEntry entry;
    entry.path = path_;
    entry.name = entry.path.substr(name_start);
    entry.depth = levels_.size() - 1;
    entry.directory = stack_.fd();
    entry.stat = &st;
    if (options_.xattrs) entry.xattrs = &xattrs;
    return entry;
  }

  Result<TreeStep> Visit(const Level& level, const DirectoryEntry& entry) {
    path_.resize(level.path_length);
    if (!path_.empty()) path_ += '/';
    size_t name_start = path_.size();
    path_ += entry.name;

    struct statx st;
    if (!StatEntry(stack_.fd(), entry.name.c_str(), st)) {
      if (errno == ENOENT) return TreeStep::kContinue;
      return ErrnoError("stat " + path_);
    }
    Xattrs xattrs;
    if (options_.xattrs) {
      auto read = ReadXattrsAt(stack_.fd(), entry.name.c_str());
      if (read) {
        xattrs = *std::move(read);
      } else if (read.error().code() != ErrorCode::kNotFound) {
        return std::move(read).error().Wrap(path_);
      }
    }
    ASSIGN_OR_RETURN(TreeStep step, visit_(Describe(name_start, st, xattrs)));
    if (step != TreeStep::kContinue || !IsDirectory(st) || !MayEnter(st)) {
      return step;
    }
    RETURN_IF_ERROR(Enter(entry.name, name_start, st, std::move(xattrs)));
    return TreeStep::kContinue;
  }

  bool MayEnter(const struct statx& st) const {
    if (options_.cross_mounts) return true;
    if ((st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) != 0) {
      return (st.stx_attributes & STATX_ATTR_MOUNT_ROOT) == 0;
    }
    return st.stx_dev_major == top_.stx_dev_major &&
           st.stx_dev_minor == top_.stx_dev_minor;
  }

  Status Enter(const std::string& name, size_t name_start,
               const struct statx& st, Xattrs xattrs) {
    int restore_mode = -1;
    // Not for who may enter it anyway (root): others may be reading the tree,
    // and would see the mode that it has meanwhile.
    if (options_.open_up && (st.stx_mode & 0500) != 0500 &&
        ::faccessat(stack_.fd(), name.c_str(), R_OK | X_OK, AT_EACCESS) != 0) {
      if (::fchmodat(stack_.fd(), name.c_str(), (st.stx_mode & 07777) | 0700,
                     AT_SYMLINK_NOFOLLOW) == 0) {
        restore_mode = st.stx_mode & 07777;
      }
    }
    auto entered = stack_.Push(name.c_str());
    if (!entered) {
      if (entered.error().code() == ErrorCode::kNotFound) return {};
      return std::move(entered).error().Wrap(path_);
    }
    Level level;
    level.path_length = path_.size();
    level.name_start = name_start;
    level.restore_mode = restore_mode;
    if (after_) {
      level.stat = st;
      level.xattrs = std::move(xattrs);
    }
    levels_.push_back(std::move(level));
    return List();
  }

  void RestoreMode(const Level& level) const {
    if (level.restore_mode < 0) return;
    // It could be changed a moment ago, so this cannot fail but for a race.
    static_cast<void>(
        ::fchmod(stack_.fd(), static_cast<mode_t>(level.restore_mode)));
  }

  Status Leave() {
    RestoreMode(levels_.back());
    Level level = std::move(levels_.back());
    levels_.pop_back();
    path_.resize(level.path_length);
    RETURN_IF_ERROR(stack_.Pop());
    if (!after_) return {};
    return after_(Describe(level.name_start, level.stat, level.xattrs));
  }

  const TreeWalkOptions& options_;
  const TreeVisitor& visit_;
  const TreeAfter& after_;
  DirectoryStack stack_;
  std::vector<Level> levels_;  // as many as `stack_` has
  std::string path_;
  struct statx top_ = {};
};

}  // namespace

Status WalkTree(int top, const TreeWalkOptions& options,
                const TreeVisitor& visit, const TreeAfter& after) {
  // A descriptor of its own, since listing moves the file position.
  ASSIGN_OR_RETURN(UniqueFd own, OpenFileAt(top, ".", O_RDONLY | O_DIRECTORY));
  return Walker(options, visit, after, std::move(own)).Run();
}

bool PathLess(std::string_view a, std::string_view b) {
  auto [in_a, in_b] = std::ranges::mismatch(a, b);
  if (in_b == b.end()) return false;
  if (in_a == a.end()) return true;
  if (*in_a == '/' || *in_b == '/') return *in_a == '/';
  return static_cast<unsigned char>(*in_a) < static_cast<unsigned char>(*in_b);
}

}  // namespace strake
