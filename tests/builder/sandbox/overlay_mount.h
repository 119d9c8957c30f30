// A detached overlay, as a snapshotter hands it out.

#ifndef STRAKE_TESTS_BUILDER_SANDBOX_OVERLAY_MOUNT_H_
#define STRAKE_TESTS_BUILDER_SANDBOX_OVERLAY_MOUNT_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <cstring>
#include <string>
#include <thread>

#include "util/unique_fd.h"

namespace strake::builder::sandbox {

// Mounts an overlay on `merged` in the private mount namespace of a short-lived
// thread, and takes a detached copy of it. index=on makes the kernel refuse an
// upper directory that is still in use.
inline UniqueFd DetachedOverlay(const std::string& lower,
                                const std::string& upper,
                                const std::string& work,
                                const std::string& merged) {
  UniqueFd detached;
  std::thread worker([&] {
    ASSERT_EQ(unshare(CLONE_NEWNS), 0) << std::strerror(errno);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    const std::string options = "lowerdir=" + lower + ",upperdir=" + upper +
                                ",workdir=" + work + ",index=on";
    ASSERT_EQ(mount("overlay", merged.c_str(), "overlay", 0, options.c_str()),
              0)
        << std::strerror(errno);
    detached.reset(open_tree(AT_FDCWD, merged.c_str(),
                             OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    ASSERT_TRUE(detached) << std::strerror(errno);
  });
  worker.join();
  return detached;
}

}  // namespace strake::builder::sandbox

#endif  // STRAKE_TESTS_BUILDER_SANDBOX_OVERLAY_MOUNT_H_
