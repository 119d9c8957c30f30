#include "builder/snapshot/overlay_links.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "util/atomic_file.h"
#include "util/result_macros.h"
#include "util/rooted_fs.h"

namespace strake::builder::snapshot {
namespace {

// <linux/mount.h> clashes with <sys/mount.h> on Debian 12.
constexpr unsigned kOpenTreeClone = 1;
constexpr unsigned kOpenTreeCloexec = O_CLOEXEC;

constexpr const char* kMountPoint = "mount";
constexpr const char* kUpper = "upper";
constexpr const char* kWork = "work";

// The scratch directory with its links; removed on every way out.
class LinkDirectory {
 public:
  static Result<LinkDirectory> Create(const OverlayMountSpec& spec) {
    ASSIGN_OR_RETURN(UniqueFd parent,
                     OpenFile(spec.scratch.c_str(), O_RDONLY | O_DIRECTORY));
    std::string name = RandomName("mount-");
    if (::mkdirat(parent.get(), name.c_str(), 0700) != 0) {
      return ErrnoError("mkdir in " + spec.scratch);
    }
    LinkDirectory links(std::move(parent), name, spec.scratch + "/" + name);
    std::string prefix = name + "/";
    if (::mkdirat(links.parent_.get(), (prefix + kMountPoint).c_str(), 0700) !=
        0) {
      return ErrnoError("mkdir in " + spec.scratch);
    }
    for (size_t i = 0; i < spec.lowers.size(); ++i) {
      RETURN_IF_ERROR(links.Link(spec.lowers[i], std::to_string(i)));
    }
    if (!spec.upper.empty()) {
      RETURN_IF_ERROR(links.Link(spec.upper, kUpper));
      RETURN_IF_ERROR(links.Link(spec.work, kWork));
    }
    return links;
  }
  LinkDirectory(LinkDirectory&& other) noexcept = default;
  ~LinkDirectory() {
    if (parent_) static_cast<void>(RemoveAllAt(parent_.get(), name_.c_str()));
  }

  const std::string& path() const { return path_; }

 private:
  LinkDirectory(UniqueFd parent, std::string name, std::string path)
      : parent_(std::move(parent)),
        name_(std::move(name)),
        path_(std::move(path)) {}

  Status Link(const std::string& target, const std::string& name) const {
    std::string link = name_ + "/" + name;
    if (::symlinkat(target.c_str(), parent_.get(), link.c_str()) == 0) {
      return {};
    }
    return ErrnoError("symlink " + path_ + "/" + name);
  }

  UniqueFd parent_;
  std::string name_;
  std::string path_;
};

std::string OptionString(const OverlayMountSpec& spec) {
  std::string options = "lowerdir=";
  for (size_t i = 0; i < spec.lowers.size(); ++i) {
    if (i > 0) options += ':';
    options += std::to_string(i);
  }
  if (!spec.upper.empty()) {
    options += std::string(",upperdir=") + kUpper + ",workdir=" + kWork;
  }
  if (!spec.options.empty()) options += "," + spec.options;
  return options;
}

}  // namespace

Result<UniqueFd> MountThroughLinks(const OverlayMountSpec& spec) {
  std::string options = OptionString(spec);
  if (options.size() >= static_cast<size_t>(::sysconf(_SC_PAGESIZE))) {
    return Unsupported("overlay of " + std::to_string(spec.lowers.size()) +
                       " layers: the mount options exceed one page");
  }
  ASSIGN_OR_RETURN(LinkDirectory links, LinkDirectory::Create(spec));
  if (::chdir(links.path().c_str()) != 0) {
    return ErrnoError("chdir " + links.path());
  }
  if (::mount("overlay", kMountPoint, "overlay", 0, options.c_str()) != 0) {
    return ErrnoError("mount overlay");
  }
  int fd = static_cast<int>(::syscall(SYS_open_tree, AT_FDCWD, kMountPoint,
                                      kOpenTreeClone | kOpenTreeCloexec));
  int error = errno;
  ::umount2(kMountPoint, MNT_DETACH);
  if (fd < 0) return ErrnoError("open_tree", error);
  return UniqueFd(fd);
}

}  // namespace strake::builder::snapshot
