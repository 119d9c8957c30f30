// Content that a copy leaves where it is, in the build context, until the layer
// is written: the file in the copied tree is as large as its source and has
// nothing in it. For trees that nobody reads (outlines).
//
// Not thread-safe.

#ifndef STRAKE_BUILDER_OPS_BORROWED_CONTENT_H_
#define STRAKE_BUILDER_OPS_BORROWED_CONTENT_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "builder/context/source_tree.h"
#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::builder::ops {

class BorrowedContent {
 public:
  // Whether the content of the file at `path` of the copied tree may stay where
  // it is. Not of lists of users, which are looked up in outlines.
  static bool MayBorrow(const context::SourceFile& file, std::string_view path);

  // The file at `path` has the content of `file`, which is at `source_path` of
  // the tree open as `source_root`; that is borrowed.
  void Add(const std::string& path, int source_root, std::string source_path,
           const context::SourceFile& file);
  // What is at `path` now has content of its own, or none.
  void Forget(const std::string& path);

  // The content of the file at `path`, to be read from its beginning; an empty
  // descriptor where it is in the tree itself. `kIo` where the source is no
  // regular file any more, or shorter than it was.
  Result<UniqueFd> Open(const std::string& path);
  // `kInternal` unless every content was opened: a layer without it would be
  // wrong.
  Status CheckAllOpened() const;
  // Whether a source was seen to change: what was copied may be some of the old
  // and some of the new, and is not worth keeping.
  bool changed() const { return changed_; }

 private:
  struct Source {
    int root = -1;
    std::string path;
    context::SourceFile file;
    bool opened = false;
  };
  std::map<std::string, Source> sources_;
  bool changed_ = false;
};

}  // namespace strake::builder::ops

#endif  // STRAKE_BUILDER_OPS_BORROWED_CONTENT_H_
