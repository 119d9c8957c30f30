// What the files of this folder share about paths and files of a source tree.

#ifndef STRAKE_BUILDER_CONTEXT_SOURCE_STAT_H_
#define STRAKE_BUILDER_CONTEXT_SOURCE_STAT_H_

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "builder/context/source_tree.h"
#include "dockerfile/ignore.h"

namespace strake::builder::context {

// "a" and "b" give "a/b"; an empty part adds nothing.
std::string JoinPath(std::string_view directory, std::string_view name);
// "a/b" gives "a", "a" gives "".
std::string_view ParentPath(std::string_view path);
// "a/b" gives "b", "a" gives "a".
std::string_view BaseName(std::string_view path);

// The file at `path` of `tree`, of which the kernel says `st`.
SourceFile SourceFileOf(const SourceTree& tree, std::string_view path,
                        const struct stat& st);
SourceFile SourceFileOf(const SourceTree& tree, std::string_view path,
                        const struct statx& st);

// Whether `file` is a directory that is never part of `tree`.
bool IsHidden(const SourceTree& tree, const SourceFile& file);

// The state of a walk that entered `path` from the root on.
dockerfile::IgnoreMatcher::State StateOf(
    const dockerfile::IgnoreMatcher& matcher, std::string_view path);

}  // namespace strake::builder::context

#endif  // STRAKE_BUILDER_CONTEXT_SOURCE_STAT_H_
