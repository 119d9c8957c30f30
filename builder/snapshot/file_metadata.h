// A file's metadata as a layer would record it, read from disk and corrected
// by a journal; and whether two files are the same.
//
// Left out are extended attributes that belong to this machine and not to the
// file: the overlay's own, and those of host security modules.

#ifndef STRAKE_BUILDER_SNAPSHOT_FILE_METADATA_H_
#define STRAKE_BUILDER_SNAPSHOT_FILE_METADATA_H_

#include <string>
#include <string_view>

#include "oci/change.h"
#include "util/file_copy.h"
#include "util/ownership_journal.h"
#include "util/result.h"

struct statx;

namespace strake::builder::snapshot {

// Whether the regular files of a tree have their content, or only its size (an
// outline). Files that are written over such a tree are changes, whatever they
// equal, unless they are empty.
enum class ContentBelow { kKnown, kUnknown };

// Whether `name` belongs to the file, and so into a layer.
bool IsContentXattr(std::string_view name);

// The metadata of `path` in the directory `dir` (itself, not what it may link
// to), whose statx(2) is `st`. `xattrs` are all it has; null: they are read.
Result<oci::FileMetadata> ReadFileMetadata(int dir, const char* path,
                                           const struct statx& st,
                                           const Xattrs* xattrs = nullptr);

// What `metadata` should be, where `entry` is not null.
void ApplyJournalEntry(const VirtualMetadata* entry,
                       oci::FileMetadata& metadata);

// Equal in everything but content and identity.
bool SameMetadata(const oci::FileMetadata& a, const oci::FileMetadata& b);

// Whether two regular files have the same bytes.
Result<bool> SameContent(int dir_a, const char* path_a, int dir_b,
                         const char* path_b);

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_FILE_METADATA_H_
