// A directory tree as the changes that would make it, which is how a layer is
// written from one; and as text, for comparing trees.

#ifndef STRAKE_TESTS_SUPPORT_SCAN_TREE_H_
#define STRAKE_TESTS_SUPPORT_SCAN_TREE_H_

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/stat.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "oci/change.h"
#include "oci/digest.h"
#include "util/byte_stream.h"
#include "util/rooted_fs.h"
#include "util/strings.h"
#include "util/tree_walk.h"

namespace strake::testing {

// Every file below `root` as a `kPresent` change, in `WriteLayer`'s order.
inline std::vector<oci::Change> ScanTree(int root) {
  std::vector<oci::Change> changes;
  TreeWalkOptions options;
  options.xattrs = true;
  auto walked =
      WalkTree(root, options, [&](const TreeEntry& entry) -> Result<TreeStep> {
        oci::Change change;
        change.path = entry.path;
        oci::FileMetadata& m = change.metadata;
        const struct statx& st = *entry.stat;
        m.mode = st.stx_mode;
        m.uid = st.stx_uid;
        m.gid = st.stx_gid;
        m.mtime = std::chrono::seconds(st.stx_mtime.tv_sec) +
                  std::chrono::nanoseconds(st.stx_mtime.tv_nsec);
        m.link_count = st.stx_nlink;
        m.inode = st.stx_ino;
        m.device = makedev(st.stx_dev_major, st.stx_dev_minor);
        m.xattrs = *entry.xattrs;
        if (S_ISREG(m.mode)) m.size_bytes = st.stx_size;
        if (S_ISCHR(m.mode) || S_ISBLK(m.mode)) {
          m.rdev = makedev(st.stx_rdev_major, st.stx_rdev_minor);
        }
        if (S_ISLNK(m.mode)) {
          auto target =
              ReadLinkAt(entry.directory, std::string(entry.name).c_str());
          EXPECT_TRUE(target) << entry.path;
          if (target) m.link_target = *target;
        }
        changes.push_back(std::move(change));
        return TreeStep::kContinue;
      });
  EXPECT_TRUE(walked) << (walked ? "" : walked.error().message());
  return changes;
}

// One line a file: everything that a layer keeps of it. Hard links are shown
// by the first path of their group.
inline std::vector<std::string> DescribeTree(int root) {
  std::vector<std::string> lines;
  std::map<std::pair<uint64_t, uint64_t>, std::string> first;
  for (const oci::Change& change : ScanTree(root)) {
    const oci::FileMetadata& m = change.metadata;
    char numbers[160];
    std::snprintf(numbers, sizeof numbers, " %o %u:%u %lld rdev=%llu", m.mode,
                  m.uid, m.gid, static_cast<long long>(m.mtime.count()),
                  static_cast<unsigned long long>(m.rdev));
    std::string line = GoQuote(change.path) + numbers;
    if (S_ISLNK(m.mode)) line += " -> " + GoQuote(m.link_target);
    for (const auto& [name, value] : m.xattrs) {
      line += " " + name + "=" + GoQuote(value);
    }
    if (S_ISREG(m.mode)) {
      line += " size=" + std::to_string(m.size_bytes);
      if (m.size_bytes < (uint64_t{64} << 20)) {
        auto fd = OpenInRoot(root, change.path, O_RDONLY | O_NOFOLLOW);
        EXPECT_TRUE(fd) << change.path;
        if (!fd) continue;
        FdSource source(std::move(*fd));
        auto content = ReadAll(source, m.size_bytes);
        EXPECT_TRUE(content) << change.path;
        if (content)
          line += " " + oci::Digest::Of(*content).Hex().substr(0, 12);
      }
      if (m.link_count > 1) {
        auto [it, is_new] =
            first.emplace(std::pair(m.device, m.inode), change.path);
        line += " links=" + std::to_string(m.link_count) + " of " +
                GoQuote(it->second);
      }
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace strake::testing

#endif  // STRAKE_TESTS_SUPPORT_SCAN_TREE_H_
