// Differences as they are found, put in the form that layers want.

#ifndef STRAKE_BUILDER_SNAPSHOT_CHANGE_LIST_H_
#define STRAKE_BUILDER_SNAPSHOT_CHANGE_LIST_H_

#include <string>
#include <vector>

#include "oci/change.h"

namespace strake::builder::snapshot {

class ChangeList {
 public:
  void Present(std::string path, oci::FileMetadata metadata);
  void Deleted(std::string path);
  // A file that was looked at and is as it was. It matters where it is a hard
  // link of one that changed: a layer can link only files that it holds.
  void Unchanged(std::string path, oci::FileMetadata metadata);

  // Everything, sorted by path component, with those links.
  std::vector<oci::Change> Finish() &&;

 private:
  std::vector<oci::Change> changes_;
  std::vector<oci::Change> unchanged_links_;
};

}  // namespace strake::builder::snapshot

#endif  // STRAKE_BUILDER_SNAPSHOT_CHANGE_LIST_H_
