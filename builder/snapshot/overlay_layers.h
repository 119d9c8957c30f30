// The kernel's overlay file system, read from user space: what a stack of layer
// directories shows at a path, without mounting it
// (Documentation/filesystems/overlayfs.rst, "Merged directories", "whiteouts
// and opaque directories").

#ifndef STRAKE_BUILDER_SNAPSHOT_OVERLAY_LAYERS_H_
#define STRAKE_BUILDER_SNAPSHOT_OVERLAY_LAYERS_H_

#include <sys/stat.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "util/file_copy.h"
#include "util/result.h"

namespace strake::builder::snapshot {

// Which attributes the overlay keeps its marks in.
enum class OverlayXattrs {
  kTrusted,  // "trusted.overlay.": needs CAP_SYS_ADMIN over the machine
  kUser,     // "user.overlay.": the mount option `userxattr`
};

// "trusted.overlay.opaque" and the like.
std::string OverlayXattr(OverlayXattrs form, std::string_view name);

// Whether a file of a layer stands for "nothing is here": a character device
// 0/0, or an empty regular file with the attribute `whiteout`. `xattrs` are the
// file's.
bool IsOverlayWhiteout(const struct statx& st, const Xattrs& xattrs,
                       OverlayXattrs form);
// Whether a directory of a layer hides all that is below it.
bool IsOverlayOpaque(const Xattrs& xattrs, OverlayXattrs form);

// Not thread-safe to share: each user makes its own. Layers are never changed
// while it exists.
class OverlayLayers {
 public:
  // A directory of the merged view.
  struct Directory {
    std::string path;            // relative to the root; "" is the root
    std::vector<size_t> layers;  // those that contribute to it, top first
    bool empty() const { return layers.empty(); }
  };
  // A file of the merged view.
  struct Entry {
    struct statx stat = {};
    // Where it is: relative to the directory `base()`.
    std::string location;
    Directory directory;  // for directories
  };

  //   base    the directory that `layers` are relative to; borrowed
  //   layers  layer directories, top first: "<id>/fs"
  OverlayLayers(int base, std::vector<std::string> layers, OverlayXattrs form)
      : base_(base), layers_(std::move(layers)), form_(form) {}

  int base() const { return base_; }
  Directory Root() const;
  // What `name` is in `in`; nothing where there is none. Sockets are nothing:
  // no layer can hold them.
  Result<std::optional<Entry>> Find(const Directory& in, std::string_view name);
  // The same for a whole path; no component is followed.
  Result<std::optional<Entry>> FindPath(std::string_view path);
  // The names in `directory`, in no order; whiteouts applied, sockets left out.
  Result<std::vector<std::string>> List(const Directory& directory);

 private:
  std::string Location(size_t layer, std::string_view path) const;

  int base_;
  std::vector<std::string> layers_;
  OverlayXattrs form_;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_OVERLAY_LAYERS_H_
