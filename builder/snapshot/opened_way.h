// A way through directories that their owner may not enter.

#ifndef STRAKE_BUILDER_SNAPSHOT_OPENED_WAY_H_
#define STRAKE_BUILDER_SNAPSHOT_OPENED_WAY_H_

#include <sys/types.h>

#include <string>
#include <utility>
#include <vector>

namespace strake::builder::snapshot {

// Makes the directories on the way to a path searchable for their owner, and
// puts their modes back. For trees of a plain user, who cannot look into a
// directory that has lost its permissions.
class OpenedWay {
 public:
  // `path` is relative to `root` (borrowed).
  OpenedWay(int root, const std::string& path);
  OpenedWay(const OpenedWay&) = delete;
  OpenedWay& operator=(const OpenedWay&) = delete;
  ~OpenedWay();

 private:
  int root_;
  std::vector<std::pair<std::string, mode_t>> opened_;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_OPENED_WAY_H_
