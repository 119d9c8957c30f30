// The files that one matched source of a copy consists of, filtered by ignore
// rules, --exclude and --parents patterns, in one fixed order. Both the digest
// of a copy and the copy itself walk this way, so that they see the same.

#ifndef STRAKE_BUILDER_CONTEXT_COPY_WALK_H_
#define STRAKE_BUILDER_CONTEXT_COPY_WALK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "builder/context/copy_match.h"
#include "builder/context/source_tree.h"
#include "dockerfile/ignore.h"
#include "util/file_copy.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::context {

// What of a matched directory is wanted; paths are relative to it.
struct CopyFilter {
  dockerfile::IgnoreMatcher excludes;  // --exclude
  // --parents: only what this matches, and what is below that.
  std::optional<dockerfile::IgnoreMatcher> includes;
  std::string include_pattern;  // that `includes` was made of

  // `include`: as in `ParentsMatch`; nothing without --parents.
  // Errors: kInvalidArgument naming the bad pattern.
  static Result<CopyFilter> Make(const std::vector<std::string>& excludes,
                                 const std::optional<std::string>& include);
};

// What one source of a copy selects.
struct CopySelection {
  std::vector<CopyMatch> matches;
  CopyFilter filter;  // for each of them
};
struct CopySelectionOptions {
  bool literal = false;               // no character of `pattern` is special
  bool parents = false;               // --parents
  std::vector<std::string> excludes;  // --exclude
};
// Errors: those of `MatchSources` and `CopyFilter::Make`.
Result<CopySelection> SelectSources(const SourceTree& tree,
                                    std::string_view pattern,
                                    const CopySelectionOptions& options);

// One file. Views are borrowed for the time of the call.
struct CopyEntry {
  std::string_view path;       // relative to the match; "" is the match itself
  std::string_view tree_path;  // relative to the root of the tree
  SourceFile file;
  Xattrs xattrs;            // only those that a copy carries over
  std::string link_target;  // of a symlink
  // An excluded directory, there only to hold what is included again.
  bool only_parent = false;

  // The content of a regular file, open for reading. `kIo` where the file is
  // no longer what it was a moment ago.
  Result<UniqueFd> Open() const;

  int directory = -1;  // that holds it; of a directory: not to be used
  std::string name;    // in `directory`
};

// What was looked at, for tests and progress.
struct CopyWalkStats {
  uint64_t entries = 0;      // directory entries seen, wanted or not
  uint64_t directories = 0;  // directories that were listed
};

// Calls `visit` for `match` itself and, if it is a directory, for every wanted
// file below it, in the order of util/tree_walk.h. `after` is called for each
// visited directory, after what is in it. Directories that no pattern can reach
// into are not listed. Stopping is `kCancelled`.
using CopyVisitor = std::function<Status(const CopyEntry&)>;
Result<CopyWalkStats> WalkCopy(const SourceTree& tree, const CopyMatch& match,
                               const CopyFilter& filter,
                               const CopyVisitor& visit,
                               const CopyVisitor& after, std::stop_token stop);

// Whether a copy carries the extended attribute `name` over: all but
// `security.*` other than capabilities, `system.*`, and an overlay's own.
bool CopiesXattr(std::string_view name);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_COPY_WALK_H_
