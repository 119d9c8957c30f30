// Directories by the path that led to them: most calls are about files in a few
// directories, and a name in a directory is one look-up where a path is many.
//
// Only directories of the root's own tree, and only such paths whose every
// component is known by name, links' targets included. Nothing but a rename or
// a removal of one of these can lead the path elsewhere, and all of these pass
// through the supervisor, which says `Forget` before it answers. Where it does
// not see them all, the cache stays as it begins: switched off, and empty.
//
// Thread-safe.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_DIRECTORY_CACHE_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_DIRECTORY_CACHE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/sandbox/notify/virtual_inodes.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

struct KnownDirectory {
  UniqueFd fd;  // O_PATH
  InodeKey key;
  std::string path;                // from the root, no symlink in it; "": that
  std::vector<std::string> names;  // all that were looked up on the way
  bool is_direct = false;          // no symlink was on the way
};

class DirectoryCache {
 public:
  using Handle = std::shared_ptr<const KnownDirectory>;

  // Before the first path is looked for.
  void SwitchOn() { on_ = true; }
  bool is_on() const { return on_; }

  // Null: not known.
  Handle Find(std::string_view path) const;

  // Is asked before a path is resolved; a directory that was found while
  // something was renamed is not kept.
  uint64_t generation() const;
  void Insert(std::string path, Handle directory, uint64_t generation);

  // Something of this name was renamed or removed, or a rename replaced it.
  void Forget(std::string_view name);

 private:
  static constexpr size_t kMost = 192;

  void Erase(std::map<std::string, Handle, std::less<>>::iterator at);

  bool on_ = false;
  mutable std::shared_mutex mutex_;
  uint64_t generation_ = 0;
  std::map<std::string, Handle, std::less<>> directories_;
  // How many of them each name leads to.
  std::map<std::string, int, std::less<>> names_;
};

// A directory to work in: one of the above, or one's own descriptor.
class DirectoryRef {
 public:
  DirectoryRef() = default;
  DirectoryRef(UniqueFd fd) : own_(std::move(fd)) {}
  DirectoryRef(DirectoryCache::Handle known) : known_(std::move(known)) {}

  int get() const { return known_ != nullptr ? known_->fd.get() : own_.get(); }
  // Null: it is one's own.
  const KnownDirectory* known() const { return known_.get(); }

 private:
  UniqueFd own_;
  DirectoryCache::Handle known_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_DIRECTORY_CACHE_H_
