#include "builder/snapshot/opened_way.h"

#include <fcntl.h>
#include <sys/stat.h>

namespace strake::builder::snapshot {

OpenedWay::OpenedWay(int root, const std::string& path) : root_(root) {
  for (size_t slash = path.find('/'); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    std::string directory = path.substr(0, slash);
    struct stat st;
    if (::fstatat(root, directory.c_str(), &st, AT_SYMLINK_NOFOLLOW) != 0) {
      return;  // the caller finds the same
    }
    mode_t mode = st.st_mode & 07777;
    if ((mode & 0500) != 0500 &&
        ::fchmodat(root, directory.c_str(), mode | 0500, 0) == 0) {
      opened_.emplace_back(std::move(directory), mode);
    }
  }
}

OpenedWay::~OpenedWay() {
  for (auto opened = opened_.rbegin(); opened != opened_.rend(); ++opened) {
    static_cast<void>(
        ::fchmodat(root_, opened->first.c_str(), opened->second, 0));
  }
}

}  // namespace strake::builder::snapshot
