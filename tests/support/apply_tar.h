// Unpacking a tar in memory, and a look at what came of it.

#ifndef STRAKE_TESTS_SUPPORT_APPLY_TAR_H_
#define STRAKE_TESTS_SUPPORT_APPLY_TAR_H_

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "oci/layer_applier.h"
#include "tests/support/scan_tree.h"
#include "tests/support/temp_dir.h"

namespace strake::testing {

inline Result<oci::LayerApplySummary> ApplyTar(
    const std::string& tar, const TempDir& root,
    const oci::LayerApplyOptions& options = {}) {
  MemorySource source(tar);
  return oci::ApplyLayer(source, root.fd(), options);
}

// The paths of all files, in order.
inline std::vector<std::string> TreePaths(const TempDir& root) {
  std::vector<std::string> paths;
  for (const oci::Change& change : ScanTree(root.fd())) {
    paths.push_back(change.path);
  }
  return paths;
}

inline struct stat StatOf(const TempDir& root, const std::string& name) {
  struct stat info = {};
  EXPECT_EQ(0, ::lstat(root.path(name).c_str(), &info)) << name;
  return info;
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_APPLY_TAR_H_
