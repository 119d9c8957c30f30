// Which files the source of a COPY or ADD means (Dockerfile reference, "COPY",
// source paths).
//
// Patterns are those of Go's filepath.Match, component by component: a wildcard
// never crosses "/", and a directory that matched is not searched for further
// matches. Symlinks are followed before the first component with a wildcard,
// and where a match itself is one; in between they match nothing.

#ifndef STRAKE_BUILDER_CONTEXT_COPY_MATCH_H_
#define STRAKE_BUILDER_CONTEXT_COPY_MATCH_H_

#include <string>
#include <string_view>
#include <vector>

#include "builder/context/source_tree.h"
#include "util/result.h"

namespace strake::builder::context {

struct CopyMatch {
  std::string path;  // in the tree, free of symlinks; "" is the root
  std::string name;  // what it is called at the destination; "" for the root
  SourceFile file;   // what is at `path`; never a symlink
};

// The files that `pattern` (cleaned, relative to the root, no leading "/")
// means, in order. A wildcard that matches nothing is fine.
// Errors: kNotFound `"/x": not found` where a pattern without wildcards, or
// the path before the first wildcard, does not exist or is a dangling symlink;
// the message goes on with why, or with a near name. kInvalidArgument: a
// malformed pattern.
Result<std::vector<CopyMatch>> MatchSources(const SourceTree& tree,
                                            std::string_view pattern);

// The one file at `path`, in which nothing is a wildcard.
Result<CopyMatch> MatchPath(const SourceTree& tree, std::string_view path);

// The same for COPY --parents: the directories that are copied from, and the
// pattern (that of an ignore file) for what is copied out of them, as split by
// the pivot "/./".
struct ParentsMatch {
  std::vector<CopyMatch> roots;
  std::string include;  // relative to each root; "": everything
};
// Errors: as above; a path without wildcards must exist as a whole.
Result<ParentsMatch> MatchWithParents(const SourceTree& tree,
                                      std::string_view pattern);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_COPY_MATCH_H_
