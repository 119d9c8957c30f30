// A directory tree in a fixed order, with the metadata of every entry.
//
// Order: by path component, bytewise, a directory before what is in it: "a",
// "a/b", "a.txt". (Sorting whole paths would put "a.txt" before "a/b", since
// '.' sorts before '/'.) `PathLess` below is that order.

#ifndef STRAKE_UTIL_TREE_WALK_H_
#define STRAKE_UTIL_TREE_WALK_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "util/file_copy.h"
#include "util/result.h"

struct statx;

namespace strake {

// One entry. All is borrowed for the time of the call.
struct TreeEntry {
  std::string_view path;  // relative to the top, no leading "/"; never empty
  std::string_view name;  // its last component
  size_t depth = 0;       // directories between it and the top: 0 at the top
  int directory = -1;     // of the entry, open for reading: for *at(2) calls
  const struct statx* stat = nullptr;  // STATX_BASIC_STATS, not followed
  const Xattrs* xattrs = nullptr;      // null unless asked for
};

enum class TreeStep {
  kContinue,
  kSkip,  // of a directory: what is in it is not visited
  kStop,  // the walk ends here, successfully
};

struct TreeWalkOptions {
  bool xattrs = false;
  // Enter directories that are mount points of other file systems; they are
  // visited either way.
  bool cross_mounts = false;
  // Directories that their owner may not read or enter get u+rwx for the time
  // of the walk and their mode back afterwards.
  bool open_up = false;
};

// Calls `visit` for every entry below the directory `top` (borrowed), not for
// `top` itself. Symlinks are visited, never followed. `after`, if given, is
// called for each directory that was entered, after what is in it.
// An error of either is returned as it is; an entry that vanishes meanwhile is
// left out. Errors: `kIo` with the path.
using TreeVisitor = std::function<Result<TreeStep>(const TreeEntry&)>;
using TreeAfter = std::function<Status(const TreeEntry&)>;
Status WalkTree(int top, const TreeWalkOptions& options,
                const TreeVisitor& visit, const TreeAfter& after = {});

// The order of the walk, of two relative paths.
bool PathLess(std::string_view a, std::string_view b);

}  // namespace strake

#endif  // STRAKE_UTIL_TREE_WALK_H_
