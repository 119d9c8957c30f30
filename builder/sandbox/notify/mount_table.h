// What appears where in the file system that supervised processes see: the
// root, and "mounts" that only path resolution knows.
//
// A lexical prefix is not enough to find that a path crosses a mount point, as
// a symlink may lead there (/etc/mtab to /proc). So each mount point in the
// root has mode 000 while the step runs: the kernel's own resolution then
// answers EACCES, which sends the path to the slow walk; and its inode is
// known. A mount point in a cache or in what is bound stays as it is, as other
// steps use it too: paths there that have a mount's name in them, or cross a
// link, take the slow walk.
//
// Built before the first process runs, immutable afterwards.

#ifndef STRAKE_BUILDER_SANDBOX_NOTIFY_MOUNT_TABLE_H_
#define STRAKE_BUILDER_SANDBOX_NOTIFY_MOUNT_TABLE_H_

#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "builder/sandbox/notify/virtual_inodes.h"
#include "util/unique_fd.h"

namespace strake::builder::sandbox::notify {

struct VirtualMount {
  enum class Kind {
    kTree,    // files with virtual owners: the root, caches, tmpfs, binds
    kProc,    // the host's /proc, with some links seen through our eyes
    kSystem,  // as the host has it: /sys, device nodes
  };
  Kind kind = Kind::kTree;
  std::string point;      // where it appears: "/" or "/a/b", no symlink in it
  UniqueFd fd;            // O_PATH, or a file in memory: what appears there
  std::string host_path;  // of `fd`, as /proc shows it
  bool read_only = false;
  bool is_directory = true;
  bool own = false;  // the step's alone, whose mount points may be covered
  bool holds_uncovered = false;  // mount points lie in it that are not
  // kProc: it shows processes by the numbers of a pid namespace of their own.
  bool has_own_numbers = false;
  InodeKey top;      // of `fd`
  InodeKey covered;  // of the mount point below it
};

class MountTable {
 public:
  // Whether the mounts are only ours, or the processes' mount namespace has
  // them too (backend userns-emu). There nothing is covered with mode 000: the
  // kernel says where a path crosses a mount (RESOLVE_NO_XDEV), and a walk gets
  // by itself to what is mounted, hence each mount's `covered` is its `top`.
  enum class KnownTo { kSupervisor, kKernel };

  // The root first; a later mount covers an earlier one.
  explicit MountTable(std::vector<VirtualMount> mounts,
                      KnownTo known_to = KnownTo::kSupervisor);

  bool in_kernel() const { return known_to_ == KnownTo::kKernel; }
  const VirtualMount& root() const { return mounts_.front(); }
  const std::vector<VirtualMount>& mounts() const { return mounts_; }

  // The mount that the absolute `path` lies in as far as its letters say, and
  // what of the path is below it (no leading "/"; empty: the mount itself).
  const VirtualMount& Match(std::string_view path,
                            std::string_view& below) const;
  // The mount whose mount point is the inode `key`; null: none.
  const VirtualMount* Covering(const InodeKey& key) const;
  // Whether the inode `key` is what appears at a mount point.
  bool IsTop(const InodeKey& key) const;
  // Whether some component of `path` is a mount point's last one.
  bool HasMountName(std::string_view path) const;
  // Whether some mount point's last component is `name`.
  bool IsMountName(std::string_view name) const {
    return names_.contains(std::string(name));
  }

  // Where a file of the host, as /proc/PID/cwd or fd/N shows it, is to be seen;
  // empty: nowhere.
  std::string VirtualPath(std::string_view host_path) const;
  // The mount that it lies in; null: none.
  const VirtualMount* MountOfHostPath(std::string_view host_path) const;

 private:
  std::vector<VirtualMount> mounts_;
  KnownTo known_to_;
  std::unordered_map<InodeKey, const VirtualMount*, InodeKeyHash> covered_;
  std::unordered_set<std::string> names_;
};

}  // namespace strake::builder::sandbox::notify

#endif  // STRAKE_BUILDER_SANDBOX_NOTIFY_MOUNT_TABLE_H_
