// Finds the directories that a layer's entries are in, without ever leaving
// the root. Neighbouring entries share their directories, so those of the last
// one stay open: the next usually costs nothing. For the `.cc` files of this
// room. Not thread-safe.

#ifndef STRAKE_OCI_DIRECTORY_CURSOR_H_
#define STRAKE_OCI_DIRECTORY_CURSOR_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "util/result.h"
#include "util/unique_fd.h"

namespace strake::oci {

class DirectoryCursor {
 public:
  struct Location {
    int fd = -1;       // O_PATH; borrowed from the cursor
    std::string path;  // from the root, with every symlink resolved; "": root
  };
  // Makes the directory `name` in `parent`, whose resolved path is `path`; a
  // file that is no directory may be there.
  using Make = std::function<Status(int parent, const std::string& name,
                                    const std::string& path)>;

  // `root` is borrowed. Without `make`, what is missing is `kNotFound`.
  explicit DirectoryCursor(int root, Make make = {})
      : root_(root), make_(std::move(make)) {}

  // The directory `path` ("" is the root): components as the layer names them,
  // none of them "", "." or "..". Symlinks are followed as if the root were
  // "/"; one that leads to nothing, in circles, or with ".." above the root is
  // `kCorrupt`, and so is a component that is no directory. The reference is
  // valid until the next call.
  Result<const Location*> Enter(std::string_view path);

  // To be called when a file was removed: what is open may not be what the
  // names now mean. For a file that was not a directory only symlinks on the
  // way matter. The present location stays usable until the next `Enter`.
  void ForgetRemovedDirectory() { stale_ = true; }
  void ForgetRemovedFile() { stale_ |= links_followed_; }

 private:
  struct Level {
    std::string name;  // as in the layer
    UniqueFd fd;       // none: closed to save descriptors
    Location location;
  };
  const Location& Current() const;
  Status Descend(const std::string& name);
  Status FollowLink(const std::string& name, const std::string& target);
  void Push(std::string name, UniqueFd fd, std::string path);

  int root_;
  Make make_;
  Location root_location_;
  std::vector<Level> levels_;
  bool links_followed_ = false;
  bool stale_ = false;
};

}  // namespace strake::oci

#endif  // STRAKE_OCI_DIRECTORY_CURSOR_H_
